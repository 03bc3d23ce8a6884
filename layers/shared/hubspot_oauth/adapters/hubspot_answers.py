"""Reads HubSpot's answers: the tokens in a 2xx, and the error that any other answer means.

The fields of the token response and every ``status`` are from HubSpot's OAuth documentation. A field that is missing,
of another type or outside its alphabet is read as absent, so that it costs no more than itself.
"""

import json
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from hubspot_oauth.adapters.http_calls import Answer
from hubspot_oauth.domain.errors import GrantDead, HubSpotError, Misconfigured, TryLater
from hubspot_oauth.domain.refresh_timing import BACKOFF_MOST_SECONDS
from hubspot_oauth.domain.tokens import RefreshTokenOnly, TokenAnswer

NO_ACCESS_TOKEN = "no_access_token"  # noqa: S105 - names a failure
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
_LIFETIME_MOST = 10**9
_DIGITS = re.compile("[0-9]{1,16}")
# RFC 6749, appendix A: the alphabet of access and refresh tokens (A.12, A.17) and of a scope (A.4). A line feed would
# end the caller's header, and half of a surrogate pair cannot be encoded.
_TOKEN = re.compile("[ -~]+")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_SCOPE = re.compile(r"[!#-\[\]-~]+")


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


def tokens_in(content: Mapping[str, Any], secret_version: str = "") -> TokenAnswer | RefreshTokenOnly:
    """The tokens in a token answer.

    Raises:
        TryLater: It has neither an access token nor a refresh token.
    """
    access_token, refresh_token = _token(content.get("access_token")), _token(content.get("refresh_token"))
    if access_token:
        return TokenAnswer(
            access_token=access_token,
            refresh_token=refresh_token,
            expires_in=lifetime_in(content),
            hub_id=account_in(content),
            scopes=scopes_in(content),
            secret_version=secret_version,
        )
    if refresh_token:
        return RefreshTokenOnly(refresh_token, account_in(content))
    raise TryLater(NO_ACCESS_TOKEN, 200)


def lifetime_in(content: Mapping[str, Any]) -> int | None:
    """The ``expires_in`` in a token or introspection answer: whole seconds, at least 1."""
    value = _number(content.get("expires_in"))
    return max(1, int(value)) if value is not None and 0 < value < _LIFETIME_MOST else None


def scopes_in(content: Mapping[str, Any]) -> tuple[str, ...]:
    """The granted scopes in a token or introspection answer; empty when there are none.

    HubSpot sends a list. OAuth's own form, one text with spaces between the scopes, is read as well.
    """
    scopes = content.get("scopes")
    listed = scopes.split(" ") if isinstance(scopes, str) else scopes if isinstance(scopes, list) else []
    return tuple(scope for scope in listed if isinstance(scope, str) and _SCOPE.fullmatch(scope))


def account_in(content: Mapping[str, Any]) -> int | None:
    """The ``hub_id`` in a token or introspection answer."""
    value = _number(content.get("hub_id"))
    return int(value) if value is not None and value == value // 1 and 0 < value < _HUB_ID_MOST else None


def domain_in(content: Mapping[str, Any]) -> str | None:
    """The ``hub_domain`` in an introspection answer: by that name, unlike the number, people know their account."""
    value = content.get("hub_domain")
    return value if isinstance(value, str) and _DOMAIN.fullmatch(value) else None


def _token(value: object) -> str | None:
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else None


def _number(value: object) -> int | float | None:
    """A JSON number, or a text of digits as a number. JSON's true and false are no numbers, though Python's are."""
    if isinstance(value, str):
        return int(value) if _DIGITS.fullmatch(value) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def failure(answer: Answer) -> HubSpotError:
    """The error that a non-2xx answer means. A ``status`` about this app wins over an ``error`` about the grant."""
    most = MOST_RETRY_AFTER if answer.status in SAYS_WHEN_HTTP else MOST_RETRY_AFTER_A_FAULT
    retry_after = _retry_after(answer.headers, most)
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


def _retry_after(headers: Mapping[str, str], most: int) -> int | None:
    """Seconds to wait, ``most`` at most. HTTP also allows a date, which is compared with the answer's own ``Date``."""
    value = headers.get("Retry-After", "")
    if _DIGITS.fullmatch(value):
        return min(int(value), most)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError, OverflowError):  # TypeError: only one of them names a time zone
        return None
    return max(0, min(int(wait.total_seconds()), most))
