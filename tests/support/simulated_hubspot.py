"""The HubSpot beside the product: how it is set up, what reached it, and what goes wrong there."""

from typing import Any

from simulator import Simulator, SimulatorSettings
from simulator.faults import parse_fault

#: Fits the environment of ``tests.support.stack``.
SETTINGS = SimulatorSettings(
    required_scopes=("oauth", "crm.objects.contacts.read"),
    optional_scopes=("tickets",),
    redirect_urls=("http://localhost:3000/oauth-callback",),
)


def token_calls(simulator: Simulator, grant_type: str) -> int:
    """How many token calls of this grant type have reached HubSpot."""
    counted: dict[str, Any] = simulator.journal.counters()["by_grant_type"].get(grant_type, {})
    return sum(counted.values())


def data_calls(simulator: Simulator) -> list[int]:
    """The status of every call of the CRM, in their order."""
    return [entry["status"] for entry in simulator.journal.entries() if entry["endpoint"] == "crm"]


def end_access_token(simulator: Simulator, token: str) -> None:
    """HubSpot stops taking this access token; nobody is told."""
    with simulator.lock:
        del simulator.grants._access[token]


def fail_refreshes(simulator: Simulator, **fault: object) -> None:
    """Every refresh goes wrong like this until the faults are cleared."""
    simulator.faults.add(parse_fault({"grant_type": "refresh_token", **fault}))


def uninstall(simulator: Simulator, hub_id: int) -> None:
    """The account's own admin removes the app: its grants end."""
    with simulator.lock:
        for grant in simulator.grants.of(simulator.settings.client_id, hub_id):
            simulator.grants.end(grant)


def has_live_grant(simulator: Simulator, hub_id: int) -> bool:
    """Whether HubSpot has a grant of this account that has not ended."""
    with simulator.lock:
        grants = simulator.grants.of(simulator.settings.client_id, hub_id)
        return any(grant.refresh_token for grant in grants)
