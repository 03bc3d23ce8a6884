"""The token route's question and answer, as JSON spells them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from time import time

from hubspot_oauth.domain.errors import InvalidRequest
from hubspot_oauth.domain.models import VendedToken

_SECONDS = re.compile(r"[0-9]{1,16}")
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


def token_question(query: Mapping[str, str]) -> tuple[int | None, str | None]:
    """``min_ttl`` in seconds and ``rejected``, a fingerprint; None where not given.

    Raises:
        InvalidRequest: One of them is malformed.
    """
    min_ttl, rejected = query.get("min_ttl"), query.get("rejected")
    if min_ttl is not None and not _SECONDS.fullmatch(min_ttl):
        raise InvalidRequest("min_ttl is not a number of seconds.", field="min_ttl")
    if rejected is not None and not _FINGERPRINT.fullmatch(rejected):
        raise InvalidRequest("rejected is not the fingerprint of a token.", field="rejected")
    return (int(min_ttl) if min_ttl is not None else None), rejected


def token_answer(token: VendedToken) -> dict[str, object]:
    """The body of a 200."""
    return {
        "hub_id": token.hub_id,
        "access_token": token.access_token,
        "token_type": "bearer",
        "expires_in": max(0, int(token.expires_at - time())),
        "expires_at": iso(token.expires_at),
        "scopes": list(token.scopes),
        "fingerprint": token.fingerprint,
    }


def iso(epoch_seconds: int) -> str:
    """A time as ISO 8601 in UTC."""
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat().replace("+00:00", "Z")
