"""A token as the service hands it out, and what a caller asks of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

#: A token with less is not handed out from the cache: the caller's request would reach HubSpot too late.
LEAST_SECONDS = 1.0
_DEFAULT_SECONDS = 60.0
_DEFAULT_SHARE = 0.1
_MOST_HUB_ID = 10**16 - 1


@dataclass(frozen=True, slots=True)
class Token:
    """An access token of one HubSpot account.

    Attributes:
        access_token: The token itself; it is not shown in the repr.
        expires_at: When HubSpot stops taking it, in UTC.
        scopes: What the account has granted.
        missing_scopes: Required scopes of the app that the account has not granted.
    """

    access_token: str = field(repr=False)
    expires_at: datetime
    scopes: tuple[str, ...]
    missing_scopes: tuple[str, ...]

    @classmethod
    def parse(cls, answer: Mapping[str, Any]) -> "Token":
        """Read the JSON of a 200.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: It is not the service's answer.
        """
        token = answer["access_token"]
        if not (isinstance(token, str) and token):
            raise TypeError("access_token is not a text")
        return cls(
            token,
            datetime.fromisoformat(answer["expires_at"]),
            tuple(map(str, answer["scopes"])),
            tuple(map(str, answer.get("missing_scopes", ()))),
        )


@dataclass(frozen=True, slots=True)
class Ask:
    """What one call asks for. Equal asks that meet are answered by one request.

    Attributes:
        hub_id: The account.
        min_ttl: Seconds the token must still live; None leaves it to the service and to ``wanted_seconds``.
        rejected: The fingerprint of a token that HubSpot rejected.
        scopes: Scopes that the account must have granted.
    """

    hub_id: int
    min_ttl: int | None = None
    rejected: str | None = None
    scopes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: One of them is malformed.
        """
        if isinstance(self.hub_id, bool) or not isinstance(self.hub_id, int) or not 0 < self.hub_id <= _MOST_HUB_ID:
            raise ValueError("hub_id is not HubSpot's number for an account")
        if self.min_ttl is not None and self.min_ttl < 0:
            raise ValueError("min_ttl is negative")

    def wanted_seconds(self, received_with: float) -> float:
        """How long a cached token must still live, if it had ``received_with`` seconds left when it was received.

        By default a minute, or a tenth of what it had if that is less, so that short-lived tokens are cached too.
        """
        wanted = self.min_ttl if self.min_ttl is not None else min(_DEFAULT_SECONDS, _DEFAULT_SHARE * received_with)
        return max(LEAST_SECONDS, wanted)

    def allows(self, token: Token) -> bool:
        """Whether the token is another than the rejected one, and has the scopes."""
        missing = set(self.scopes) - set(token.scopes) - {"oauth"}
        return not missing and (self.rejected is None or fingerprint(token.access_token) != self.rejected)


def fingerprint(access_token: str) -> str:
    """What names a token without revealing it: the first 16 hexadecimal digits of its SHA-256."""
    return sha256(access_token.encode()).hexdigest()[:16]
