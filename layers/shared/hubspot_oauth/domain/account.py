"""An account as stored, and what is written over it. Times are UTC epoch seconds; tokens inside are sealed."""

from dataclasses import dataclass, field
from enum import StrEnum

from hubspot_oauth.domain.deadlines import RESCUE_RETENTION_SECONDS
from hubspot_oauth.domain.errors import Fault


@dataclass(frozen=True, slots=True, order=True)
class GrantKey:
    """Which grant: HubSpot's number for the account, and who holds the grant there.

    ``holder`` is always ``account`` today. It is part of the key already because HubSpot's user-level apps have several
    grants in one account, and a table's key cannot change after a release.
    """

    hub_id: int
    holder: str = "account"

    def attributes(self) -> dict[str, int | str]:
        """The key as a row's attributes, and as a message carries it."""
        return {"hub_id": self.hub_id, "holder": self.holder}


class Status(StrEnum):
    """Where an account stands."""

    ACTIVE = "active"
    NEEDS_REINSTALL = "needs_reinstall"
    DISCONNECTING = "disconnecting"


class Binding(StrEnum):
    """Whether the browser that finished the install proved that it had asked for it."""

    BOUND = "bound"
    UNBOUND = "unbound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Sealed tokens and what belongs to them, as an install and a refresh both store them."""

    key: GrantKey
    install_id: str
    sealed: bytes = field(repr=False)
    scopes: tuple[str, ...]
    issued_at: int
    expires_at: int
    refresh_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInstall(Grant):
    """What an install stores. Of two installs the one whose code exchange was sent later wins."""

    binding: Binding
    exchanged_at_ms: int
    client_reference_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal(Grant):
    """What a refresh stores over the row that had ``install_id`` and ``version``."""

    version: int


@dataclass(frozen=True, slots=True)
class Due:
    """An account that the index calls due."""

    key: GrantKey
    refresh_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One HubSpot account that installed the app. ``docs/storage.md`` explains every attribute."""

    key: GrantKey
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
    orphaned_since: int | None = None
    at_fault: Fault | None = None
    needs_reinstall_because: str | None = None

    @property
    def hub_id(self) -> int:
        """HubSpot's number for the account."""
        return self.key.hub_id

    @property
    def lifetime(self) -> int:
        """Seconds the access token lives from issue to expiry."""
        return self.expires_at - self.issued_at

    def may_be_marked(self, now: int) -> bool:
        """Whether no orphaned lease's answer, which may bring living tokens, can still be on its way."""
        return self.orphaned_since is None or self.orphaned_since < now - RESCUE_RETENTION_SECONDS

    def lease_live(self, now: float) -> bool:
        """Whether a lease owner is refreshing this account at ``now``."""
        return self.lease_until is not None and self.lease_until > now
