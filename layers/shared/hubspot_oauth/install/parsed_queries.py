"""Parses and checks the query parameters of ``/install`` and of the redirect URL.

What HubSpot makes (code, ``returnUrl``) is taken at any length that API Gateway lets through.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hubspot_oauth.domain.account import parse_hub_id
from hubspot_oauth.install import refusal_texts
from hubspot_oauth.install.refusal import InstallRefused

#: Bytes of UTF-8. The signed state contains this value.
MOST_CALLER_STATE = 512
_CODE = re.compile("[ -~]+")  # RFC 6749, appendix A.11


@dataclass(frozen=True, slots=True)
class Start:
    """A request to ``GET /install``.

    Attributes:
        host: The request's host name as API Gateway reports it; the Host header is not trusted.
        caller_state: Handed back unchanged, so any text is allowed.
        bounced: Whether another host has already redirected the browser here.
    """

    host: str
    hub_id: int | None = None
    return_to: str | None = None
    caller_state: str | None = None
    link: str | None = field(default=None, repr=False)
    bounced: bool = False
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, host: str, query: Mapping[str, str], cookies: Mapping[str, str]) -> "Start":
        """Check the query of ``/install``.

        An empty hub_id, return_to or link is refused: the caller probably lost the value, and an install without it
        could get the wrong account or customer.

        Raises:
            InstallRefused: A value is malformed.
        """
        caller_state = query.get("state")
        if caller_state is not None and len(caller_state.encode()) > MOST_CALLER_STATE:
            raise InstallRefused(refusal_texts.INVALID_REQUEST, "state")
        if query.get("link") == "":
            raise InstallRefused(refusal_texts.LINK_INVALID)
        if query.get("return_to") == "":
            raise InstallRefused(refusal_texts.INVALID_REQUEST, "return_to")
        return cls(
            host=host,
            hub_id=_hub_id(query.get("hub_id")),
            return_to=query.get("return_to"),
            caller_state=caller_state,
            link=query.get("link"),
            bounced="bounced" in query,
            cookies=cookies,
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
        """Check the query of the redirect URL. An empty value counts as none.

        Raises:
            InstallRefused: The code has a character that no authorization code has.
        """
        code = query.get("code") or None
        if code and not _CODE.fullmatch(code):
            raise InstallRefused(refusal_texts.INVALID_REQUEST, "code")
        return cls(
            host=host,
            code=code,
            state=query.get("state") or None,
            error=query.get("error") or None,
            step=query.get("step") or None,
            return_url=query.get("returnUrl") or None,
            cookies=cookies,
        )


def _hub_id(value: str | None) -> int | None:
    number = None if value is None else parse_hub_id(value)
    if value is not None and number is None:
        raise InstallRefused(refusal_texts.INVALID_REQUEST, "hub_id")
    return number
