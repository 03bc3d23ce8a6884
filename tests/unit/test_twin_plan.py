"""What a twin is to run, from an app's own declaration."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.cannot_start import CannotStart
from local.plan import Options, Plan, plan_of

AUTH: dict[str, Any] = {
    "type": "oauth",
    "redirectUrls": ["https://auth.example.com/cb", "http://localhost:3000/hubspot/callback"],
    "requiredScopes": ["crm.objects.contacts.read", "crm.objects.deals.read"],
    "conditionallyRequiredScopes": ["automation"],
    "optionalScopes": ["tickets"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def planned(folder: Path, *parameters: str, port: int = 3000, **auth: Any) -> Plan:
    path = folder / "app-hsmeta.json"
    path.write_text(json.dumps({"config": {"name": "My app", "auth": AUTH | auth}}))
    return plan_of(Options(port, 3001, 3002, folder / "state", hsmeta=path, parameters=parameters))


def test_scopes_name_and_callback_path_come_from_the_declaration(folder: Path) -> None:
    plan = planned(folder)

    assert plan.parameters["RequiredScopes"] == "crm.objects.contacts.read crm.objects.deals.read"
    assert plan.parameters["OptionalScopes"] == "tickets"
    assert plan.parameters["AppName"] == "My app"
    assert plan.parameters["RedirectUrl"] == "http://localhost:3000/hubspot/callback"
    assert plan.parameters["CallbackPath"] == "/hubspot/callback"
    assert plan.simulator
    assert plan.simulator.redirect_urls == tuple(AUTH["redirectUrls"])


def test_a_chosen_conditional_scope_must_be_declared(folder: Path) -> None:
    assert planned(folder, "ConditionalScopes=automation").parameters["ConditionalScopes"] == "automation"

    with pytest.raises(CannotStart) as refused:
        planned(folder, "ConditionalScopes=automation files")

    [fault] = refused.value.faults
    assert "files is not among conditionallyRequiredScopes" in fault


@pytest.mark.parametrize(
    ("auth", "port", "fault"),
    [
        ({}, 4000, "redirectUrls has none on http://localhost:4000: add http://localhost:4000/oauth-callback there"),
        ({"redirectUrls": ["http://example.com/cb"]}, 3000, "http://example.com/cb: must use https"),
        ({"requiredScopes": ["tickets"]}, 3000, "tickets is in requiredScopes and in optionalScopes"),
    ],
)
def test_what_hubspot_would_refuse_is_said_before_anything_starts(
    folder: Path, auth: dict[str, Any], port: int, fault: str
) -> None:
    with pytest.raises(CannotStart) as refused:
        planned(folder, port=port, **auth)

    assert any(fault in said for said in refused.value.faults)


def test_a_redirect_url_of_ones_own_must_be_declared_too(folder: Path) -> None:
    with pytest.raises(CannotStart) as refused:
        planned(folder, "RedirectUrl=https://other.example.com/cb")

    assert any("redirectUrls does not list https://other.example.com/cb" in said for said in refused.value.faults)
