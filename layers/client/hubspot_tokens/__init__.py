"""Access tokens for the HubSpot accounts that installed your app, from your own HubSpot OAuth stack.

::

    import requests
    from hubspot_tokens import HubSpotAuth

    contacts = requests.get(
        "https://api.hubapi.com/crm/v3/objects/contacts", auth=HubSpotAuth(hub_id), timeout=10
    ).json()
"""

from collections.abc import Sequence

from hubspot_tokens.client import DEFAULT, Client
from hubspot_tokens.errors import (
    AccountNotFound,
    InstallNeeded,
    NotAllowed,
    NotConfigured,
    Refused,
    ReinstallRequired,
    ScopesMissing,
    TokenError,
    TokenRejected,
    Unavailable,
)
from hubspot_tokens.hubspot_auth import HubSpotAuth
from hubspot_tokens.tokens import Token

__all__ = [
    "AccountNotFound",
    "Client",
    "HubSpotAuth",
    "InstallNeeded",
    "NotAllowed",
    "NotConfigured",
    "Refused",
    "ReinstallRequired",
    "ScopesMissing",
    "Token",
    "TokenError",
    "TokenRejected",
    "Unavailable",
    "get_access_token",
    "get_token",
    "get_token_async",
]


def get_access_token(
    hub_id: int, *, min_ttl: int | None = None, force_refresh: bool = False, scopes: Sequence[str] = ()
) -> str:
    """``Client.get_access_token`` of the default client."""
    return DEFAULT.get_access_token(hub_id, min_ttl=min_ttl, force_refresh=force_refresh, scopes=scopes)


def get_token(
    hub_id: int,
    *,
    min_ttl: int | None = None,
    force_refresh: bool = False,
    rejected: str | None = None,
    scopes: Sequence[str] = (),
) -> Token:
    """``Client.get_token`` of the default client."""
    return DEFAULT.get_token(hub_id, min_ttl=min_ttl, force_refresh=force_refresh, rejected=rejected, scopes=scopes)


async def get_token_async(
    hub_id: int,
    *,
    min_ttl: int | None = None,
    force_refresh: bool = False,
    rejected: str | None = None,
    scopes: Sequence[str] = (),
) -> Token:
    """``Client.get_token_async`` of the default client."""
    return await DEFAULT.get_token_async(
        hub_id, min_ttl=min_ttl, force_refresh=force_refresh, rejected=rejected, scopes=scopes
    )
