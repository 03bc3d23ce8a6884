"""Access tokens for the HubSpot accounts that installed your app, from your own HubSpot OAuth stack.

::

    import requests
    from hubspot_tokens import HubSpotAuth

    contacts = requests.get(
        "https://api.hubapi.com/crm/v3/objects/contacts", auth=HubSpotAuth(hub_id), timeout=10
    ).json()
"""

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

get_access_token = DEFAULT.get_access_token
get_token = DEFAULT.get_token
get_token_async = DEFAULT.get_token_async
