"""Tokens as nouns: a grant's pair, what HubSpot answers, what a caller gets. Times are UTC epoch seconds."""

from dataclasses import dataclass, field
from hashlib import sha256


def fingerprint(token: str) -> str:
    """A short name for a token that cannot be turned back into it: 16 hexadecimal digits of its SHA-256."""
    return sha256(token.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The two tokens of one grant."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """HubSpot's token response, parsed tolerantly.

    ``expires_in`` is in seconds. ``refresh_token`` and ``hub_id`` are None when HubSpot left them out. ``scopes`` are
    the granted ones.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_in: int
    hub_id: int | None = None
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefreshTokenOnly:
    """A refresh answered without a usable access token, but with another refresh token than the one that was sent.

    ``lacks`` names what was missing. The new refresh token may be the only living one.
    """

    refresh_token: str = field(repr=False)
    lacks: str
    hub_id: int | None = None


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token on its way to the team's own code."""

    hub_id: int
    token: str = field(repr=False)
    expires_at: int
    scopes: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Names this token in ``rejected=`` without repeating it."""
        return fingerprint(self.token)
