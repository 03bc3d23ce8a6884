"""Parses and checks the query parameters of ``/install`` and of the redirect URL."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hubspot_oauth.domain.account import parse_hub_id
from hubspot_oauth.domain.urls import MOST_URL
from hubspot_oauth.install import refusal_texts
from hubspot_oauth.install.refusal import InstallRefused

MOST_CODE = 2048
MOST_STATE = 8192
#: Bytes of UTF-8. The signed state contains this value, and the redirect URL with state and code must fit into API
#: Gateway's 10,240 bytes.
MOST_CALLER_STATE = 512


@dataclass(frozen=True, slots=True)
class Start:
    """A request to ``GET /install``.

    Attributes:
        host: The request's host name as API Gateway reports it; the Host header is not trusted.
        bounced: Whether another host has already redirected the browser here.
    """

    host: str
    hub_id: int | None = None
    return_to: str | None = None
    caller_state: str | None = None
    link: str | None = field(default=None, repr=False)
    bounced: bool = False

    @classmethod
    def parse(cls, host: str, query: Mapping[str, str]) -> "Start":
        """Check the query of ``/install``.

        Raises:
            InstallRefused: A value is malformed.
        """
        hub_id = query.get("hub_id")
        return cls(
            host=host,
            hub_id=_hub_id(hub_id) if hub_id else None,
            return_to=_bounded(query, "return_to", MOST_URL),
            caller_state=_bounded(query, "state", MOST_CALLER_STATE),
            link=_bounded(query, "link", MOST_STATE),
            bounced="bounced" in query,
        )


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request to the redirect URL. ``Callback.arrive`` tells the kinds of arrival apart."""

    host: str
    code: str | None = field(default=None, repr=False)
    state: str | None = field(default=None, repr=False)
    error: str | None = None
    step: str | None = None
    return_url: str | None = None
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, host: str, query: Mapping[str, str], cookies: Mapping[str, str]) -> "Arrival":
        """Check the query of the redirect URL.

        Raises:
            InstallRefused: A value is malformed.
        """
        return cls(
            host=host,
            code=_bounded(query, "code", MOST_CODE),
            state=_bounded(query, "state", MOST_STATE),
            error=_bounded(query, "error", MOST_CODE),
            step=_bounded(query, "step", 64),
            return_url=_bounded(query, "returnUrl", MOST_URL),
            cookies=cookies,
        )


def _hub_id(value: str) -> int:
    number = parse_hub_id(value)
    if number is None:
        raise InstallRefused(refusal_texts.INVALID_REQUEST, "hub_id")
    return number


def _bounded(query: Mapping[str, str], name: str, most: int) -> str | None:
    value = query.get(name)
    if value and not (value.isprintable() and len(value.encode()) <= most):
        raise InstallRefused(refusal_texts.INVALID_REQUEST, name)
    return value or None
