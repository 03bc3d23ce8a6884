"""Grants without a browser, by the thousand, for tests of scale."""

from collections.abc import Mapping
from typing import Any

from local.hubspot.accounts import Account
from local.hubspot.grants import Grant
from local.hubspot.simulator import Simulator
from local.hubspot.token_endpoint import token_response

FIRST_HUB_ID = 200_001
MOST = 1_000_000


def mint(simulator: Simulator, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Install the app in `count` accounts from `first_hub_id` on, each with `scopes`; token responses come back."""
    number, first = wanted.get("count", 1), wanted.get("first_hub_id", FIRST_HUB_ID)
    if not isinstance(number, int) or not 1 <= number <= MOST or not isinstance(first, int) or first < 1:
        raise ValueError(f"count must be 1 to {MOST}, first_hub_id a positive number")
    with simulator.lock:
        scopes = tuple(wanted.get("scopes", simulator.settings.required_scopes))
        client_id = wanted.get("client_id", simulator.settings.client_id)
        return [_installed(simulator, client_id, hub_id, scopes) for hub_id in range(first, first + number)]


def _installed(simulator: Simulator, client_id: str, hub_id: int, scopes: tuple[str, ...]) -> dict[str, Any]:
    if simulator.account(hub_id) is None:
        simulator.minted_accounts[hub_id] = Account(hub_id, f"Account {hub_id}", "eu1" if hub_id % 4 == 0 else "na1")
    grant = simulator.grants.add(Grant(client_id, hub_id, simulator.settings.signed_in_user, scopes))
    simulator.renew_refresh_token(grant)
    token = simulator.access_token(client_id, scopes, grant)
    return token_response(simulator, token, grant) | {"expires_at": token.expires_at}
