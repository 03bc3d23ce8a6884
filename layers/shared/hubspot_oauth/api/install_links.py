"""``POST /install-links`` makes a signed install link for the team's back end."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubspot_oauth.adapters.api_gateway import Event, Query, Response, host_of, json_answer
from hubspot_oauth.api.signed_calls import SignedCalls
from hubspot_oauth.domain.account import MOST_REFERENCE, parse_hub_id
from hubspot_oauth.domain.api_errors import InvalidRequest
from hubspot_oauth.domain.clocks import Clock, iso
from hubspot_oauth.domain.install_state import LINK_SECONDS, InstallLink
from hubspot_oauth.domain.urls import MOST_URL
from hubspot_oauth.install.links import MOST_LINK, Links

_FIELDS = frozenset({"client_reference_id", "hub_id", "return_to", "hubspot_return_url"})


@dataclass(kw_only=True)
class InstallLinksRoute:
    links: Links
    signed_calls: SignedCalls
    clock: Clock

    def answer(self, event: Event) -> Response:
        """Answer with the link and its expiry time, or with a problem. The link is not stored."""

        def make(_: Query) -> Response:
            link = asked_link(event, int(self.clock()))
            url = self.links.make(link, host_of(event))
            return json_answer(201, {"url": url, "expires_at": iso(link.expires_at)})

        return self.signed_calls.answer(event, make)


def asked_link(event: Event, now: int) -> InstallLink:
    """The install link that the request's body describes. It expires a week after ``now`` (epoch seconds).

    Raises:
        InvalidRequest: The body is not a JSON object, or a field is unknown or malformed.
    """
    content = _object(event)
    unknown = sorted(set(content) - _FIELDS)
    if unknown:
        raise InvalidRequest(f"Unknown field: {unknown[0]}.", field=unknown[0])
    return InstallLink(
        expires_at=now + LINK_SECONDS,
        client_reference_id=_text(content, "client_reference_id", MOST_REFERENCE),
        hub_id=_hub_id(content),
        return_to=_text(content, "return_to", MOST_URL),
        hubspot_return_url=_text(content, "hubspot_return_url", MOST_LINK),
    )


def _object(event: Event) -> dict[str, Any]:
    body = event.get("body") or "{}"
    try:
        given = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
        content = json.loads(given)  # given bytes, json.loads accepts a byte-order mark
    except (ValueError, binascii.Error, RecursionError):
        raise InvalidRequest("The body is not JSON.") from None
    if not isinstance(content, dict):
        raise InvalidRequest("The body is not a JSON object.")
    return content


def _text(content: Mapping[str, Any], name: str, most: int) -> str | None:
    value = content.get(name)
    if value is None:
        return None
    if not (isinstance(value, str) and 0 < len(value) <= most and value.isprintable()):
        raise InvalidRequest(f"{name} is not a text of 1 to {most} printable characters.", field=name)
    return value


def _hub_id(content: Mapping[str, Any]) -> int | None:
    value = content.get("hub_id")
    if value is None:
        return None
    number = parse_hub_id(str(value)) if isinstance(value, int | str) and not isinstance(value, bool) else None
    if number is None:
        raise InvalidRequest("hub_id is not an account's number.", field="hub_id")
    return number
