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
    """HubSpot's token answer. Only the access token is always there.

    ``expires_in`` is in seconds. ``refresh_token``, ``expires_in`` and ``hub_id`` are None when HubSpot left them out.
    ``scopes`` are the granted ones, or empty when HubSpot left them out. ``secret_version`` is the version of the
    client secret that a refresh was sent with. ``hub_domain`` is what introspection adds at an install.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_in: int | None
    hub_id: int | None = None
    scopes: tuple[str, ...] = ()
    secret_version: str = ""
    hub_domain: str | None = None


@dataclass(frozen=True, slots=True)
class RefreshTokenOnly:
    """HubSpot's token answer that has a refresh token but no usable access token.

    The refresh token may be the only one that works. ``hub_id`` is None when HubSpot left it out.
    """

    refresh_token: str = field(repr=False)
    hub_id: int | None


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
