"""The members that HubSpot's published descriptions require of each answer, and each version's paths, over HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from simulator import Running, SimulatorSettings, serve
from simulator.configuration import API_VERSIONS
from simulator.visitor import decide

SYDNEY = 100006
ERROR = {"status", "message", "category", "correlationId"}
TOKEN = {"access_token", "expires_in", "token_type", "token_use"}
ACCOUNT = {"active", "app_id", "client_id", "hub_id", "user_id", "hub_domain", "user", "scopes"}
ACCOUNT |= {"token", "token_type", "token_use"}
ACCESS_TOKEN = {"expires_in", "is_private_distribution", "signed_access_token"}
SIGNED = {
    "appId",
    "appInstallId",
    "audience",
    "expiresAt",
    "hubId",
    "hublet",
    "installingUserId",
    "isPrivateDistribution",
}
SIGNED |= {"isServiceAccount", "isUserLevel", "newSignature", "scopeToScopeGroupPks", "scopes", "signature"}
SIGNED |= {"trialScopeToScopeGroupPks", "trialScopes", "userId"}


@pytest.fixture(scope="module")
def hubspot() -> Iterator[Running]:
    with serve(SimulatorSettings()) as running:
        yield running


def post(hubspot: Running, path: str, **form: str) -> requests.Response:
    settings = hubspot.simulator.settings
    app = {"client_id": settings.client_id, "client_secret": settings.client_secret}
    return requests.post(f"{hubspot.url}/oauth/{path}", data=app | form, timeout=10)


def installed(hubspot: Running, version: str) -> dict[str, Any]:
    settings = hubspot.simulator.settings
    redirect_uri, scope = settings.redirect_urls[0], "%20".join(settings.required_scopes)
    url = f"{hubspot.url}/oauth/authorize?client_id={settings.client_id}&redirect_uri={redirect_uri}&scope={scope}"
    code = decide(url, SYDNEY).partition("code=")[2]
    tokens = post(hubspot, f"{version}/token", grant_type="authorization_code", code=code, redirect_uri=redirect_uri)
    return dict(tokens.json())


@pytest.mark.parametrize("version", API_VERSIONS)
def test_tokens_say_what_they_are_for(hubspot: Running, version: str) -> None:
    scope = "developer.webhooks_journal.read"

    tokens = installed(hubspot, version)
    of_the_app = post(hubspot, f"{version}/token", grant_type="client_credentials", scope=scope).json()

    assert TOKEN | {"refresh_token", "hub_id", "scopes"} <= tokens.keys()
    assert tokens["token_use"] == "access_token"
    assert of_the_app.keys() == TOKEN | {"scopes"}
    assert of_the_app["token_use"] == "client_credentials"


@pytest.mark.parametrize("version", API_VERSIONS)
def test_introspection_shows_the_token_and_what_it_is_signed_for(hubspot: Running, version: str) -> None:
    tokens = installed(hubspot, version)

    access, refresh = [
        post(hubspot, f"{version}/token/introspect", token=tokens[name], token_type_hint=name).json()
        for name in ("access_token", "refresh_token")
    ]

    assert (access["token"], refresh["token"]) == (tokens["access_token"], tokens["refresh_token"])
    assert access.keys() == ACCOUNT | ACCESS_TOKEN
    assert refresh.keys() == ACCOUNT
    assert (access["token_type"], access["signed_access_token"]["hublet"]) == ("Bearer", "ap1")
    assert access["signed_access_token"].keys() == SIGNED


@pytest.mark.parametrize("status", [423, 429, 477, 418])
def test_a_fault_on_demand_has_the_members_of_every_error(hubspot: Running, status: int) -> None:
    requests.post(f"{hubspot.url}/_sim/faults", json={"kind": "status", "status": status, "times": 1}, timeout=10)

    assert post(hubspot, "v3/token").json().keys() >= ERROR


@pytest.mark.parametrize("body", ["<html>", {"status": "OTHER"}])
def test_a_fault_on_demand_may_have_a_body_of_its_own(hubspot: Running, body: object) -> None:
    fault = {"kind": "status", "status": 503, "times": 1, "body": body}
    requests.post(f"{hubspot.url}/_sim/faults", json=fault, timeout=10)

    answer = post(hubspot, "v3/token")

    assert (answer.text if isinstance(body, str) else answer.json()) == body


def test_every_error_has_the_same_members_and_an_id_of_its_own(hubspot: Running) -> None:
    errors = [
        post(hubspot, "v3/token", grant_type="refresh_token").json(),
        requests.post(f"{hubspot.url}/oauth/v3/token", json={}, timeout=10).json(),
        requests.get(f"{hubspot.url}/account-info/v3/details", timeout=10).json(),
        requests.get(f"{hubspot.url}/no/such/route", timeout=10).json(),
    ]

    assert all(error.keys() >= ERROR for error in errors)
    assert len({error["correlationId"] for error in errors}) == len(errors)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/crm/v3/objects/contacts", 200),
        ("/crm/objects/2026-03/contacts", 200),
        ("/crm/objects/2026-09/contacts", 200),
        ("/crm/2026-03/objects/contacts", 404),
        ("/crm/objects/v3/contacts", 404),
    ],
)
def test_a_dated_version_of_the_crm_stands_behind_objects(hubspot: Running, path: str, status: int) -> None:
    bearer = {"Authorization": f"Bearer {installed(hubspot, 'v3')['access_token']}"}

    assert requests.get(hubspot.url + path, headers=bearer, timeout=10).status_code == status
