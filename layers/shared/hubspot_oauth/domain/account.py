"""The stored account, and what an install or a refresh writes to it.

Times are UTC epoch seconds, except ``exchanged_at_ms``. Tokens are sealed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hubspot_oauth.domain.call_timeouts import RESCUE_RETENTION_SECONDS
from hubspot_oauth.domain.errors import Fault
from hubspot_oauth.domain.refresh_timing import orphan_wait

#: Characters of a client_reference_id. An index key has at most 2,048 bytes, and a character up to four.
MOST_REFERENCE = 256
_HUB_ID = re.compile(r"[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True, order=True)
class GrantKey:
    """The Accounts table's key: HubSpot's number for the account, and the sort key ``holder``.

    ``holder`` is always ``account`` today. It is in the key because HubSpot's user-level apps have several grants in
    one account, and a table's key cannot change after a release.
    """

    hub_id: int
    holder: str

    @classmethod
    def of_account(cls, hub_id: int) -> "GrantKey":
        """The key of the account's own grant. Today an account has no other grant."""
        return cls(hub_id, "account")

    @classmethod
    def parse(cls, attributes: Mapping[str, Any]) -> "GrantKey":
        """The key that a row, an index entry or a message carries. A missing ``holder`` means ``account``."""
        return cls(attributes["hub_id"], attributes.get("holder", "account"))

    def attributes(self) -> dict[str, int | str]:
        """The key as attributes of a row or fields of a queue message."""
        return {"hub_id": self.hub_id, "holder": self.holder}


class Status(StrEnum):
    ACTIVE = "active"
    NEEDS_REINSTALL = "needs_reinstall"
    DISCONNECTING = "disconnecting"


class Binding(StrEnum):
    """``bound`` if the browser's cookie or a signed client_reference_id proves who asked for the install."""

    BOUND = "bound"
    UNBOUND = "unbound"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedGrant:
    """Sealed tokens with their account, install, scopes and times."""

    key: GrantKey
    install_id: str
    sealed: bytes = field(repr=False)
    scopes: tuple[str, ...]
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(SealedGrant):
    """What an install and a refresh both store."""

    refresh_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInstall(Grant):
    """What an install stores. If two installs compete, the later ``exchanged_at_ms`` wins."""

    binding: Binding
    exchanged_at_ms: int
    client_reference_id: str | None = None
    hub_domain: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal(Grant):
    """What a refresh stores, if the row still has this ``install_id`` and ``version``."""

    version: int


@dataclass(frozen=True, slots=True)
class FirstRefusal:
    """The grant's first refusal (``GrantDead``) with this client secret since tokens were last stored.

    Attributes:
        at: When it arrived, epoch seconds.
        secret_version: The version of the client secret that the call was sent with.
    """

    at: int
    secret_version: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A try that brought no new tokens.

    Attributes:
        at: When it ended, epoch seconds.
        error: HubSpot's code, AWS's or one of ours.
        fault: The side at fault.
        refused: The grant's first refusal, if it was one.
    """

    at: int
    error: str
    fault: Fault = Fault.HUBSPOT
    refused: FirstRefusal | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """An entry of the due index, which may be stale."""

    key: GrantKey
    refresh_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account(SealedGrant):
    """One HubSpot account that installed the app. ``docs/storage.md`` explains every attribute."""

    version: int
    status: Status
    installed_at: int
    binding: Binding
    client_reference_id: str | None = None
    hub_domain: str | None = None
    refresh_at: int | None = None
    lease_owner: str | None = None
    lease_until: int | None = None
    attempts: int = 0
    orphaned_since: int | None = None
    at_fault: Fault | None = None
    failing_since: int | None = None
    last_error: str | None = None
    first_refusal: FirstRefusal | None = None
    refusal_proved: bool = False
    needs_reinstall_because: str | None = None

    @property
    def hub_id(self) -> int:
        """HubSpot's number for the account."""
        return self.key.hub_id

    @property
    def lifetime(self) -> int:
        """Seconds from the access token's issue to its expiry."""
        return self.expires_at - self.issued_at

    def may_be_marked(self, now: int) -> bool:
        """Whether the account may be marked dead.

        False while the rescue queue may still hold new tokens from an orphaned lease.
        """
        return self.unmarkable_for(now) == 0

    def unmarkable_for(self, now: int) -> int:
        """Seconds until ``may_be_marked`` holds; 0 if it does."""
        if self.orphaned_since is None:
            return 0
        return max(0, self.orphaned_since + RESCUE_RETENTION_SECONDS + 1 - now)

    @property
    def side_at_fault(self) -> Fault:
        """The side at fault for a missing token; HubSpot if the row stores none, as after a RefreshTokenOnly answer."""
        return self.at_fault or Fault.HUBSPOT

    def pause(self, now: float) -> int:
        """Seconds until the row's backoff ends; 0 if the row does not back off or is leased.

        After a ``RefreshTokenOnly`` answer ``attempts`` is 0. Its backoff is recognised by a ``refresh_at`` later than
        ``expires_at``, which no scheduled refresh has.
        """
        if self.refresh_at is None or self.lease_live(now):
            return 0
        if not self.attempts and self.refresh_at <= self.expires_at:
            return 0
        return max(0, self.refresh_at - int(now))

    def lease_live(self, now: float) -> bool:
        """Whether the row has a lease that has not run out at ``now``."""
        return self.lease_until is not None and self.lease_until > now

    def orphaned(self, now: float, *, after_orphan_wait: bool) -> bool:
        """Whether the row's lease is orphaned: it has run out before its owner ended it.

        With ``after_orphan_wait`` only once ``orphan_wait`` seconds have passed since then.
        """
        if self.lease_until is None or self.lease_until > now:
            return False
        return not after_orphan_wait or now >= self.lease_until + orphan_wait(self.attempts)


def parse_hub_id(value: str) -> int | None:
    """The account's number, or None. ``int()`` would also take ``0123``, ``+123``, ``1_23`` and full-width digits."""
    return int(value) if _HUB_ID.fullmatch(value) else None
