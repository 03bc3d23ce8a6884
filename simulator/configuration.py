"""How one simulated HubSpot is set up: the app it knows, its accounts and users, and every switch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from simulator.portals import DEFAULT_ACCOUNTS, DEFAULT_USERS, Account, User

DATED_VERSIONS = ("2026-03", "2026-09")
API_VERSIONS = ("v3", *DATED_VERSIONS)
DEFAULT_CLIENT_ID = "sim00000-0000-4000-8000-000000000000"
DEFAULT_CLIENT_SECRET = "simulated-client-secret"  # noqa: S105 - opens nothing but this simulator
OTHER_CLIENT_ID = "sim00000-0000-4000-8000-000000000001"
OTHER_CLIENT_SECRET = "other-simulated-client-secret"  # noqa: S105 - opens nothing but this simulator


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """Times in seconds, lengths in characters. "Assumed" marks what HubSpot does not document."""

    client_id: str = DEFAULT_CLIENT_ID
    client_secret: str = field(default=DEFAULT_CLIENT_SECRET, repr=False)
    other_apps: Mapping[str, str] = field(default_factory=lambda: {OTHER_CLIENT_ID: OTHER_CLIENT_SECRET}, repr=False)
    app_name: str = "Example app"
    app_id: int = 424242
    private_distribution: bool = False
    redirect_urls: tuple[str, ...] = ("http://localhost:3000/oauth-callback",)
    required_scopes: tuple[str, ...] = ("oauth", "crm.objects.contacts.read")
    conditional_scopes: tuple[str, ...] = ("crm.objects.companies.read",)
    optional_scopes: tuple[str, ...] = ("crm.objects.deals.read", "crm.schemas.custom.read")
    requires_oauth_scope: bool = False  # assumed; True: of every app, declared or not
    accounts: tuple[Account, ...] = DEFAULT_ACCOUNTS
    users: tuple[User, ...] = DEFAULT_USERS
    signed_in_user: int = DEFAULT_USERS[0].user_id
    token_lifetime: int = 1800
    code_lifetime: int = 600  # assumed
    access_token_length: int = 300
    refresh_token_length: int = 64
    code_length: int = 40
    hublet_prefixes: bool = True
    rotate_refresh_tokens: bool = False
    same_user_keeps_refresh_token: bool = True  # assumed
    reinstall_ends_other_grants: bool = False  # assumed: the first user's refresh token survives the second's install
    latency: float = 0.0
    marketplace_origin: str = "https://app.hubspot.com"

    @classmethod
    def from_hsmeta(cls, document: Mapping[str, Any], **others: Any) -> Self:  # noqa: ANN401 - any field of this class
        """Settings of the app that an app-hsmeta.json declares; fields in `others` override the declared ones."""
        config = document.get("config", {})
        auth = config.get("auth", {})
        declared: dict[str, Any] = {
            "private_distribution": config.get("distribution") == "private",
            "redirect_urls": tuple(auth.get("redirectUrls", ())),
            "required_scopes": tuple(auth.get("requiredScopes", ())),
            "conditional_scopes": tuple(auth.get("conditionallyRequiredScopes", ())),
            "optional_scopes": tuple(auth.get("optionalScopes", ())),
        }
        if name := config.get("name"):
            declared["app_name"] = name
        return cls(**(declared | others))

    def always_required(self) -> frozenset[str]:
        """The scopes that every authorization URL of the app must ask for."""
        return frozenset(self.required_scopes) | ({"oauth"} if self.requires_oauth_scope else frozenset())

    def account(self, hub_id: int) -> Account | None:
        return next((a for a in self.accounts if a.hub_id == hub_id), None)

    def user(self, user_id: int) -> User | None:
        return next((u for u in self.users if u.user_id == user_id), None)

    def secret_of(self, client_id: str) -> str | None:
        """The client secret of a known app."""
        return self.client_secret if client_id == self.client_id else self.other_apps.get(client_id)
