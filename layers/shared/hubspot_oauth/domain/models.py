"""The nouns: tokens, what HubSpot answers, an account. Times are UTC epoch seconds, durations seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from hubspot_oauth.domain.timing import RESCUE_RETENTION_SECONDS

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def fingerprint(token: str) -> str:
    """A short name for a token that cannot be turned back into it: 16 hexadecimal digits of its SHA-256."""
    return sha256(token.encode()).hexdigest()[:16]


class Status(StrEnum):
    """Where an account stands."""

    ACTIVE = "active"
    NEEDS_REINSTALL = "needs_reinstall"
    DISCONNECTING = "disconnecting"


class Binding(StrEnum):
    """Whether the browser that finished the install proved that it had asked for it."""

    BOUND = "bound"
    UNBOUND = "unbound"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The two tokens of one grant."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """HubSpot's token response, parsed tolerantly.

    ``refresh_token`` and ``hub_id`` are None when HubSpot left them out; ``scopes`` are the granted ones.
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
class Account:
    """One HubSpot account that installed the app, as stored. The tokens inside are sealed."""

    hub_id: int
    install_id: str
    version: int
    status: Status
    sealed: bytes = field(repr=False)
    scopes: tuple[str, ...]
    issued_at: int
    expires_at: int
    installed_at: int
    binding: Binding
    client_reference_id: str | None = None
    refresh_at: int | None = None
    lease_owner: str | None = None
    lease_until: int | None = None
    attempts: int = 0
    unclean_since: int | None = None
    dead_code: str | None = None

    @property
    def lifetime(self) -> int:
        """Seconds the access token lives from issue to expiry."""
        return self.expires_at - self.issued_at

    def may_be_marked(self, now: int) -> bool:
        """Whether no vanished holder's answer, which may bring living tokens, can still be on its way."""
        return self.unclean_since is None or self.unclean_since < now - RESCUE_RETENTION_SECONDS

    def lease_live(self, now: float) -> bool:
        """Whether someone is refreshing this account at ``now``."""
        return self.lease_until is not None and self.lease_until > now


@dataclass(frozen=True, slots=True)
class VendedToken:
    """An access token on its way to the team's own code."""

    hub_id: int
    access_token: str = field(repr=False)
    expires_at: int
    scopes: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Names this token in ``rejected=`` without repeating it."""
        return fingerprint(self.access_token)


def known_fields(kind: type["DataclassInstance"], content: Mapping[str, Any]) -> dict[str, Any]:
    """What of ``content`` a dataclass knows: another version of this code may have written it."""
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in content.items() if name in names}
