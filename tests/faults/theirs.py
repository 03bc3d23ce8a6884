"""What can go wrong on HubSpot's side of a refresh, and how each must end, without and with rotation.

``LOST1`` is the first stated limit: HubSpot rotated the refresh token, and the new one never reached us whole.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.faults.world import World

PATIENCE_SECONDS = 0.5  # instead of HUBSPOT_SECONDS, for answers that never come
_HTML = "<html><body><h1>Forbidden</h1></body></html>"
_DEEP = "[" * 100_000


@dataclass(frozen=True)
class TheirFault:
    """One row of the matrix.

    Attributes:
        fault: As the simulator takes it.
        endings: Without and with rotation.
        revoked: The account really took its grant back before.
        slow: The product waits PATIENCE_SECONDS only, so that the matrix does not take hours.
    """

    name: str
    fault: dict[str, Any]
    endings: tuple[str, str] = ("due", "due")
    revoked: bool = False
    slow: bool = field(default=False)

    def strike(self, world: World) -> None:
        if self.revoked:
            world.revoke()
        if self.fault:
            world.strike(**self.fault)


def _status(status: int, name: str = "", **details: Any) -> TheirFault:
    return TheirFault(name or str(status), {"kind": "status", "status": status, **details})


def _error(code: str, **details: Any) -> TheirFault:
    return TheirFault(code, {"kind": "error", "error": code}, **details)


def _bare(error: str, ending: str = "due") -> TheirFault:
    fault = {"kind": "status", "status": 400, "body": f'{{"error": "{error}"}}'}
    return TheirFault(f"error: {error}", fault, (ending, ending), revoked=ending == "dead")


def _without(*fields: str, endings: tuple[str, str]) -> TheirFault:
    return TheirFault("without " + " or ".join(fields), {"kind": "without", "fields": list(fields)}, endings)


def _with(name: str, endings: tuple[str, str] = ("fresh", "fresh"), **fields: Any) -> TheirFault:
    return TheirFault(name, {"kind": "with", "fields": fields}, endings)


_DEAD, _FRESH, _ROTATED = ("dead", "dead"), ("fresh", "fresh"), ("due", "LOST1")
_AFTER = {"after_work": True}

THEIRS = [
    # The grant is dead.
    TheirFault("revoked", {}, _DEAD, revoked=True),
    _error("BAD_REFRESH_TOKEN", endings=_DEAD, revoked=True),
    _error("BAD_HUB", endings=_DEAD, revoked=True),
    _error("BAD_SCOPES", endings=_DEAD, revoked=True),
    _bare("invalid_grant", "dead"),
    _bare("access_denied", "dead"),
    # We are misconfigured.
    _error("BAD_CLIENT_ID"),
    _error("BAD_CLIENT_SECRET"),
    _bare("invalid_client"),
    _error("BAD_GRANT_TYPE"),
    _bare("invalid_scope"),
    _bare("invalid_request"),
    _error("BAD_REDIRECT_URI"),
    _error("MISMATCH_REDIRECT_URI_AUTH_CODE"),
    _error("BAD_CODE_VERIFIER"),
    _status(415),
    _status(401),
    _status(404),
    _status(403, "403 in HTML", body=_HTML, content_type="text/html"),
    # Try later.
    _status(408),
    _status(423),
    _status(425),
    _status(429),
    _status(429, "429, Retry-After: 30", headers={"Retry-After": "30"}),
    _status(429, "429, Retry-After: a date", headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
    _status(477, "477, Retry-After: 7 h", headers={"Retry-After": "25200"}),
    _status(500),
    _status(502, "502 in HTML"),
    _status(503),
    _status(504),
    TheirFault("503 after the work", {"kind": "status", "status": 503, **_AFTER}, _ROTATED),
    _status(302, headers={"Location": "https://app.hubspot.com/"}),
    # Bodies.
    _status(200, "an empty body", body=""),
    _status(200, "HTML with 200", body=_HTML),
    _status(200, "a list", body="[]"),
    _status(200, "100,000 brackets", body=_DEEP),
    TheirFault("truncated", {"kind": "truncated"}, _ROTATED),
    TheirFault("5 MB", {"kind": "large"}, _ROTATED),
    _without("access_token", endings=("due", "due")),
    _without("expires_in", endings=_FRESH),
    _without("refresh_token", endings=("fresh", "LOST1")),
    _without("access_token", "refresh_token", endings=_ROTATED),
    _without("hub_id", endings=_FRESH),
    _without("scopes", endings=_FRESH),
    _with("unknown fields", new={"deep": [1, None]}, other="x" * 1000),
    _with("expires_in: NaN", expires_in=float("nan")),
    _with("expires_in: a text", expires_in="1800"),
    _with("access_token: a line feed", ("due", "due"), access_token="a\nb"),
    _with("access_token: a surrogate", ("due", "due"), access_token="a\ud800"),
    _with("scopes: a text", scopes="oauth"),
    _with("token_type: null", token_type=None, user_id=None),
    _with("another account", _ROTATED, hub_id=100002),
    _with("another account: a text", _ROTATED, hub_id="100002"),
    # The way.
    TheirFault("reset before the work", {"kind": "reset"}),
    TheirFault("reset after the work", {"kind": "reset", **_AFTER}, _ROTATED),
    TheirFault("hang before the work", {"kind": "hang"}, slow=True),
    TheirFault("hang after the work", {"kind": "hang", **_AFTER}, _ROTATED, slow=True),
    TheirFault("slow drip", {"kind": "drip", "seconds": 0.2}, _ROTATED, slow=True),
    TheirFault("slow, in time", {"kind": "slow", "seconds": 0.05}, _FRESH),
]
