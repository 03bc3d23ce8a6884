"""``POST /install-links``: what the team's back end may say about an install before it begins."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any

from hubspot_oauth.domain.errors import InvalidRequest
from hubspot_oauth.domain.state import LINK_SECONDS, InstallLink
from hubspot_oauth.domain.urls import MOST_URL, parse_hub_id

MOST_REFERENCE = 256
_FIELDS = frozenset({"client_reference_id", "hub_id", "return_to", "hubspot_return_url"})


def asked_link(event: Mapping[str, Any], clock: Callable[[], float]) -> InstallLink:
    """The link a request asks for.

    Raises:
        InvalidRequest: The body is not such a JSON object; names the field.
    """
    content = _object(event)
    unknown = sorted(set(content) - _FIELDS)
    if unknown:
        raise InvalidRequest(f"Unknown field: {unknown[0]}.", field=unknown[0])
    return InstallLink(
        expires_at=int(clock()) + LINK_SECONDS,
        client_reference_id=_text(content, "client_reference_id", MOST_REFERENCE),
        hub_id=_hub_id(content),
        return_to=_text(content, "return_to", MOST_URL),
        hubspot_return_url=_text(content, "hubspot_return_url", MOST_URL),
    )


def _object(event: Mapping[str, Any]) -> dict[str, Any]:
    body = event.get("body") or "{}"
    try:
        content = json.loads(base64.b64decode(body) if event.get("isBase64Encoded") else body)
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
