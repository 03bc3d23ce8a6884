"""Reads HubSpot's answers: the tokens in a 2xx, and the error that any other answer means.

The fields of the token response and every ``status`` are from HubSpot's OAuth documentation.
"""

import json
from collections.abc import Mapping
from typing import Any

from hubspot_oauth.adapters.http_calls import Answer
from hubspot_oauth.domain.errors import GrantDead, HubSpotError, Misconfigured, TryLater
from hubspot_oauth.domain.refresh_timing import BACKOFF_MOST_SECONDS
from hubspot_oauth.domain.tokens import TokenAnswer

DEAD_STATUS = frozenset({"BAD_REFRESH_TOKEN", "BAD_HUB", "BAD_SCOPES", "BAD_AUTH_CODE", "EXPIRED_AUTH_CODE"})
DEAD_ERROR = frozenset({"invalid_grant", "access_denied"})
OURS_STATUS = frozenset(
    {
        "BAD_CLIENT_ID",
        "BAD_CLIENT_SECRET",
        "BAD_GRANT_TYPE",
        "MISMATCH_REDIRECT_URI_AUTH_CODE",
        "BAD_REDIRECT_URI",
        "BAD_CODE_VERIFIER",
    }
)
TRY_LATER_HTTP = frozenset({408, 423, 425, 429, 477})
#: Their Retry-After is obeyed for up to a day. HubSpot answers 477 while it migrates an account.
SAYS_WHEN_HTTP = frozenset({423, 429, 477})
MOST_RETRY_AFTER = 24 * 3600
MOST_RETRY_AFTER_A_FAULT = BACKOFF_MOST_SECONDS  # a proxy's 503 must not put an account to sleep for hours
_HUB_ID_MOST = 10**16


def json_object(body: bytes) -> Mapping[str, Any]:
    """The JSON object of a body.

    Raises:
        TryLater: The body is not a JSON object.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):  # RecursionError: thousands of nested brackets
        raise TryLater("not_json", 200) from None
    if not isinstance(content, dict):
        raise TryLater("not_an_object", 200)
    return content


def lacks_of(content: Mapping[str, Any]) -> str:
    """A code for the missing or malformed part of a token answer; empty when the access token is usable."""
    access_token, expires_in = content.get("access_token"), content.get("expires_in")
    if not (isinstance(access_token, str) and access_token):
        return "no_access_token"
    if not isinstance(expires_in, int | float) or isinstance(expires_in, bool) or not 0 < expires_in < 10**9:
        return "no_expires_in"
    return ""


def refresh_token_in(content: Mapping[str, Any]) -> str | None:
    value = content.get("refresh_token")
    return value if isinstance(value, str) and value else None


def scopes_in(content: Mapping[str, Any]) -> tuple[str, ...]:
    """The granted scopes in a token or introspection answer; empty when they are missing or malformed."""
    scopes = content.get("scopes")
    return tuple(scope for scope in scopes if isinstance(scope, str)) if isinstance(scopes, list) else ()


def token_answer_in(content: Mapping[str, Any], secret_version: str = "") -> TokenAnswer:
    return TokenAnswer(
        access_token=content["access_token"],
        refresh_token=refresh_token_in(content),
        expires_in=max(1, int(content["expires_in"])),
        hub_id=account_in(content),
        scopes=scopes_in(content),
        secret_version=secret_version,
    )


def account_in(content: Mapping[str, Any]) -> int | None:
    """The ``hub_id`` in a token or introspection answer, or None when it is missing or malformed."""
    value = content.get("hub_id")
    known = isinstance(value, int) and not isinstance(value, bool) and 0 < value < _HUB_ID_MOST
    return value if known else None


def failure(answer: Answer) -> HubSpotError:
    """The error that a non-2xx answer means. A ``status`` about this app wins over an ``error`` about the grant."""
    most = MOST_RETRY_AFTER if answer.status in SAYS_WHEN_HTTP else MOST_RETRY_AFTER_A_FAULT
    retry_after = _retry_after(answer.headers.get("Retry-After", ""), most)
    if answer.status >= 500 or answer.status in TRY_LATER_HTTP or answer.status < 400:  # noqa: PLR2004
        return TryLater(f"http_{answer.status}", answer.status, retry_after)
    try:
        content = json_object(answer.body)
    except TryLater:
        content = {}
    status, error = _word(content.get("status")), _word(content.get("error"))
    code = status or error or f"http_{answer.status}"
    if status in OURS_STATUS or error == "invalid_client":
        return Misconfigured(status if status in OURS_STATUS else error, answer.status)
    if status in DEAD_STATUS or error in DEAD_ERROR:
        return GrantDead(code, answer.status)
    return Misconfigured(code, answer.status)


def _word(value: object) -> str:
    """``value`` if it looks like a code of HubSpot's, else empty, because free text must not get into a log.

    HubSpot's general ``"status": "error"`` is not a code.
    """
    named = isinstance(value, str) and value.isascii() and value.replace("_", "").isalnum() and len(value) <= 64  # noqa: PLR2004
    return value if isinstance(value, str) and named and value != "error" else ""


def _retry_after(value: str, most: int) -> int | None:
    return min(int(value), most) if value.isascii() and value.isdigit() and len(value) < 9 else None  # noqa: PLR2004
