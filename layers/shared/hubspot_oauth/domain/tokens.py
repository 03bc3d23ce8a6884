"""Token types: a grant's two tokens, HubSpot's answers, and the token a caller gets. Times are UTC epoch seconds."""

from dataclasses import dataclass, field
from hashlib import sha256


def fingerprint(token: str) -> str:
    """The first 16 hexadecimal digits of the token's SHA-256. They identify the token without revealing it."""
    return sha256(token.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The two tokens of one grant."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """HubSpot's token answer. Only the access token and ``expires_in`` are always there.

    ``expires_in`` is in seconds. ``refresh_token`` and ``hub_id`` are None when HubSpot left them out. ``scopes`` are
    the granted ones, or empty when HubSpot left them out. ``secret_version`` is the version of the client secret that a
    refresh was sent with.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_in: int
    hub_id: int | None = None
    scopes: tuple[str, ...] = ()
    secret_version: str = ""


@dataclass(frozen=True, slots=True)
class RefreshTokenOnly:
    """HubSpot's answer to a refresh that has a new refresh token but no usable access token.

    ``lacks`` says what is missing. The new refresh token may be the only one that works.
    """

    refresh_token: str = field(repr=False)
    lacks: str


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token as the token route hands it out."""

    hub_id: int
    token: str = field(repr=False)
    expires_at: int
    scopes: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """The value of ``rejected=`` that names this token."""
        return fingerprint(self.token)
