"""HubSpot accounts ("portals") that an app can be installed in, and the users who install it."""

from collections.abc import Iterable
from dataclasses import dataclass

# Scopes of paid tiers, which a free account typically lacks.
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
    """`unavailable_scopes` are those that the account's subscription does not include."""

    hub_id: int
    name: str
    hublet: str = "na1"
    unavailable_scopes: frozenset[str] = frozenset()

    @property
    def domain(self) -> str:
        """The `hub_domain` of introspection."""
        return f"account-{self.hub_id}.example"

    @property
    def ui_domain(self) -> str:
        """The host of HubSpot's pages for this account."""
        return "app.hubspot.com" if self.hublet == "na1" else f"app-{self.hublet}.hubspot.com"

    def may_grant(self, scopes: Iterable[str]) -> bool:
        return self.unavailable_scopes.isdisjoint(scopes)


@dataclass(frozen=True, slots=True)
class User:
    """A signed-in user. HubSpot lets Super Admins and users with App Marketplace Access install apps."""

    user_id: int
    email: str
    role: str
    may_install: bool


DEFAULT_ACCOUNTS = (
    Account(100001, "Acme Test"),
    Account(100002, "Beispiel GmbH", hublet="eu1"),
    Account(100003, "Free Portal", unavailable_scopes=PAID_SCOPES),
    Account(100004, "Second US region", hublet="na2"),
    Account(100005, "Canada Inc.", hublet="na3"),
    Account(100006, "Sydney Pty", hublet="ap1"),
)
DEFAULT_USERS = (
    User(9001, "admin@example.test", "Super Admin", may_install=True),
    User(9002, "colleague@example.test", "App Marketplace Access", may_install=True),
    User(9003, "member@example.test", "neither of the two", may_install=False),
)
