"""The HubSpot accounts an app can be installed in, and the people who may or may not install it."""

from collections.abc import Iterable
from dataclasses import dataclass

# What a free account typically has no access to: each belongs to a paid tier.
PAID_SCOPES = frozenset(
    {
        "automation",
        "content",
        "crm.objects.custom.read",
        "crm.objects.custom.write",
        "crm.schemas.custom.read",
        "transactional-email",
    }
)


@dataclass(frozen=True, slots=True)
class Account:
    """One HubSpot account (a portal) and the scopes its subscription has no access to."""

    hub_id: int
    name: str
    hublet: str = "na1"
    unavailable_scopes: frozenset[str] = frozenset()

    @property
    def domain(self) -> str:
        """The `hub_domain` that introspection reports."""
        return f"account-{self.hub_id}.example"

    @property
    def ui_domain(self) -> str:
        """The host HubSpot shows this account's people."""
        return "app.hubspot.com" if self.hublet == "na1" else f"app-{self.hublet}.hubspot.com"

    def may_grant(self, scopes: Iterable[str]) -> bool:
        """Whether the account has access to every one of the scopes."""
        return self.unavailable_scopes.isdisjoint(scopes)


@dataclass(frozen=True, slots=True)
class User:
    """A person signed in to HubSpot; only some may install an app."""

    user_id: int
    email: str
    role: str
    may_install: bool


DEFAULT_ACCOUNTS = (
    Account(100001, "Acme Test"),
    Account(100002, "Beispiel GmbH", hublet="eu1"),
    Account(100003, "Free Portal", unavailable_scopes=PAID_SCOPES),
)
DEFAULT_USERS = (
    User(9001, "admin@example.test", "Super Admin", may_install=True),
    User(9002, "colleague@example.test", "App Marketplace Access", may_install=True),
    User(9003, "member@example.test", "neither of the two", may_install=False),
)
