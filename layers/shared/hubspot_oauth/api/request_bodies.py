"""Reads the JSON bodies of requests. No error repeats a value, because a value may be a secret."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from hubspot_oauth.adapters.api_gateway import Event
from hubspot_oauth.domain.api_errors import InvalidRequest


def object_in(event: Event, fields: frozenset[str]) -> dict[str, Any]:
    """The body's JSON object; no body is an empty one.

    Raises:
        InvalidRequest: It is not a JSON object, or has other fields than ``fields``.
    """
    body = event.get("body") or "{}"
    try:
        given = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
        content = json.loads(given)  # given bytes, json.loads accepts a byte-order mark
    except (ValueError, binascii.Error, RecursionError):
        raise InvalidRequest("The body is not JSON.") from None
    if not isinstance(content, dict):
        raise InvalidRequest("The body is not a JSON object.")
    if unknown := sorted(set(content) - fields):
        raise InvalidRequest(f"Unknown field: {unknown[0]}.", field=unknown[0])
    return content


def text_in(content: Mapping[str, Any], name: str, most: int) -> str | None:
    """The text of this name, or None if there is none.

    Raises:
        InvalidRequest: It is not a text of 1 to ``most`` printable characters.
    """
    value = content.get(name)
    if value is None:
        return None
    if not (isinstance(value, str) and 0 < len(value) <= most and value.isprintable()):
        raise InvalidRequest(f"{name} is not a text of 1 to {most} printable characters.", field=name)
    return value
