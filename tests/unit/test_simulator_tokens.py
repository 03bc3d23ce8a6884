"""Codes, grants and tokens of the simulator, with a clock that tests move and randomness that repeats."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from random import Random
from typing import Any

import pytest

from simulator import Simulator, SimulatorSettings
from simulator.authorization import AuthorizationRequest, allow
from simulator.codes import Challenge
from simulator.configuration import OTHER_CLIENT_ID, OTHER_CLIENT_SECRET
from simulator.data_api import account_details, list_objects, uninstall
from simulator.introspection import introspect, revoke
from simulator.token_endpoint import exchange

ACME, BEISPIEL = 100001, 100002
ADMIN, COLLEAGUE = 9001, 9002
FIRST, SECOND = "http://localhost:3000/oauth-callback", "https://app.example.com/oauth-callback"
OTHER_APP = {"client_id": OTHER_CLIENT_ID, "client_secret": OTHER_CLIENT_SECRET}


class HubSpot:
    """A simulator with short words for what the tests do."""

    def __init__(self, **switches) -> None:
        self.now = 1_000_000.0
        settings = SimulatorSettings(redirect_urls=(FIRST, SECOND), **switches)
        self.simulator = Simulator(settings, clock=lambda: self.now, entropy=Random(1).randbytes)
        self.app = {"client_id": settings.client_id, "client_secret": settings.client_secret}

    def code(self, hub_id=ACME, user_id=ADMIN, **changes) -> str:
        scopes = self.simulator.settings.required_scopes
        wanted = AuthorizationRequest(self.app["client_id"], FIRST, scopes, (), **changes)
        return allow(self.simulator, wanted, hub_id, user_id)

    def redeem(self, code, **changes) -> Any:
        form = self.app | {"grant_type": "authorization_code", "code": code, "redirect_uri": FIRST}
        return exchange(self.simulator, form | changes)

    def install(self, hub_id=ACME, user_id=ADMIN) -> Any:
        return self.redeem(self.code(hub_id, user_id)).body

    def refresh(self, tokens, **changes) -> Any:
        form = self.app | {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        return exchange(self.simulator, form | changes)

    def care(self, endpoint, token, **changes) -> Any:
        return endpoint(self.simulator, self.app | {"token": token, "token_type_hint": "refresh_token"} | changes)


def test_a_code_gives_every_documented_field() -> None:
    hubspot = HubSpot(token_lifetime=1234)

    answer = hubspot.redeem(hubspot.code(BEISPIEL))

    body = answer.body
    assert answer.status == 200
    assert (body["hub_id"], body["expires_in"], body["token_type"], body["token_use"]) == (
        BEISPIEL,
        1234,
        "bearer",
        "access_token",
    )
    assert body["scopes"] == ["oauth", "crm.objects.contacts.read"]
    assert body["refresh_token"].startswith("eu1-")


def test_a_code_works_once() -> None:
    hubspot = HubSpot()
    code = hubspot.code()

    outcomes = [hubspot.redeem(code).outcome for _ in range(2)]

    assert outcomes == ["ok", "BAD_AUTH_CODE"]


@pytest.mark.parametrize(("age", "outcome"), [(599, "ok"), (600, "EXPIRED_AUTH_CODE")])
def test_a_code_expires(age, outcome) -> None:
    hubspot = HubSpot(code_lifetime=600)
    code = hubspot.code()

    hubspot.now += age

    assert hubspot.redeem(code).outcome == outcome


@pytest.mark.parametrize(
    ("redirect_uri", "outcome"),
    [
        (SECOND, "MISMATCH_REDIRECT_URI_AUTH_CODE"),
        ("https://evil.example/", "BAD_REDIRECT_URI"),
        ("", "BAD_REDIRECT_URI"),
    ],
)
def test_a_code_needs_the_redirect_url_it_was_asked_for_with(redirect_uri, outcome) -> None:
    hubspot = HubSpot()

    assert hubspot.redeem(hubspot.code(), redirect_uri=redirect_uri).outcome == outcome


def test_another_app_cannot_redeem_a_code() -> None:
    hubspot = HubSpot()
    code = hubspot.code()

    outcomes = [hubspot.redeem(code, **OTHER_APP).outcome, hubspot.redeem(code).outcome]

    assert outcomes == ["BAD_AUTH_CODE", "ok"]


@pytest.mark.parametrize("method", ["S256", "plain"])
def test_a_code_with_a_challenge_needs_its_verifier(method) -> None:
    hubspot = HubSpot()
    digest = urlsafe_b64encode(sha256(b"verifier").digest()).decode().rstrip("=")
    code = hubspot.code(challenge=Challenge(digest if method == "S256" else "verifier", method))

    outcomes = [hubspot.redeem(code, code_verifier=given).outcome for given in ("", "wrong", "verifier")]

    assert outcomes == ["BAD_CODE_VERIFIER", "BAD_CODE_VERIFIER", "ok"]


@pytest.mark.parametrize(
    ("changes", "outcome", "error"),
    [
        ({"client_id": "x", "grant_type": "x", "client_secret": "x"}, "BAD_CLIENT_ID", "invalid_request"),
        ({"grant_type": "x", "client_secret": "x"}, "BAD_GRANT_TYPE", "unsupported_grant_type"),
        ({"client_secret": "x", "refresh_token": "x"}, "BAD_CLIENT_SECRET", "invalid_client"),
        ({"refresh_token": "x"}, "BAD_REFRESH_TOKEN", "invalid_grant"),
        (OTHER_APP, "BAD_REFRESH_TOKEN", "invalid_grant"),
    ],
)
def test_a_wrong_refresh_is_refused_for_the_first_thing_that_is_wrong(changes, outcome, error) -> None:
    hubspot = HubSpot()

    answer = hubspot.refresh(hubspot.install(), **changes)

    assert (answer.status, answer.body["status"], answer.body["error"]) == (400, outcome, error)
    assert answer.body.keys() == {"error", "error_description", "status", "message", "category"}


def test_a_refresh_gives_a_new_access_token_and_the_same_refresh_token() -> None:
    hubspot = HubSpot()
    installed = hubspot.install()

    refreshed = hubspot.refresh(installed).body

    assert refreshed["refresh_token"] == installed["refresh_token"]
    assert refreshed["access_token"] != installed["access_token"]


def test_with_rotation_the_old_refresh_token_dies_at_once() -> None:
    hubspot = HubSpot(rotate_refresh_tokens=True)
    installed = hubspot.install()

    refreshed = hubspot.refresh(installed).body

    assert hubspot.refresh(installed).outcome == "BAD_REFRESH_TOKEN"
    assert hubspot.refresh(refreshed).outcome == "ok"


def test_the_same_user_reinstalling_gets_the_refresh_token_they_had() -> None:
    hubspot = HubSpot()

    assert hubspot.install()["refresh_token"] == hubspot.install()["refresh_token"]


@pytest.mark.parametrize(("ends", "outcome"), [(False, "ok"), (True, "BAD_REFRESH_TOKEN")])
def test_another_user_reinstalling_gets_a_refresh_token_of_their_own(ends, outcome) -> None:
    hubspot = HubSpot(reinstall_ends_other_grants=ends)
    first = hubspot.install()

    second = hubspot.install(user_id=COLLEAGUE)

    assert second["refresh_token"] != first["refresh_token"]
    assert hubspot.refresh(first).outcome == outcome
    assert hubspot.refresh(second).outcome == "ok"


def test_scopes_added_later_reach_no_token_until_the_next_install() -> None:
    hubspot = HubSpot()
    installed = hubspot.install()
    hubspot.simulator.change(required_scopes=("oauth", "crm.objects.contacts.read", "tickets"))

    refreshed = hubspot.refresh(installed).body
    reinstalled = hubspot.install()

    assert "tickets" not in refreshed["scopes"]
    assert "tickets" in reinstalled["scopes"]


def test_tokens_are_as_long_as_asked_for() -> None:
    hubspot = HubSpot(access_token_length=5000, refresh_token_length=4096)

    tokens = hubspot.install()

    assert (len(tokens["access_token"]), len(tokens["refresh_token"])) == (5000, 4096)


def test_prefixes_can_be_turned_off() -> None:
    assert not HubSpot(hublet_prefixes=False).install()["refresh_token"].startswith("na1-")


def test_revoking_kills_the_refresh_token_and_spares_the_access_token() -> None:
    hubspot = HubSpot()
    tokens = hubspot.install()

    answer = hubspot.care(revoke, tokens["refresh_token"])

    assert answer.status == 200
    assert hubspot.refresh(tokens).outcome == "BAD_REFRESH_TOKEN"
    assert account_details(hubspot.simulator, tokens["access_token"]).status == 200
    assert hubspot.care(introspect, tokens["refresh_token"]).body == {"active": False}


def test_another_app_can_neither_revoke_nor_introspect_a_token() -> None:
    hubspot = HubSpot()
    tokens = hubspot.install()

    revoked = hubspot.care(revoke, tokens["refresh_token"], **OTHER_APP)
    seen = hubspot.care(introspect, tokens["refresh_token"], **OTHER_APP)

    assert (revoked.status, seen.body) == (200, {"active": False})
    assert hubspot.refresh(tokens).outcome == "ok"


def test_revoking_an_unknown_token_is_fine_but_a_wrong_secret_is_not() -> None:
    hubspot = HubSpot()

    assert hubspot.care(revoke, "unknown").status == 200
    assert hubspot.care(revoke, "unknown", client_secret="x").outcome == "BAD_CLIENT_SECRET"
    assert hubspot.care(introspect, "unknown", client_id="x").outcome == "BAD_CLIENT_ID"


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_introspection_tells_who_a_live_token_belongs_to(name) -> None:
    hubspot = HubSpot()
    tokens = hubspot.install()

    about = hubspot.care(introspect, tokens[name]).body

    assert (about["active"], about["hub_id"], about["user_id"]) == (True, ACME, ADMIN)
    assert (about["user"], about["token_use"]) == ("admin@example.test", name)
    assert {"app_id", "hub_domain", "scopes"} <= about.keys()


def test_an_expired_access_token_is_inactive_and_opens_nothing() -> None:
    hubspot = HubSpot(token_lifetime=20)
    token = hubspot.install()["access_token"]
    live = account_details(hubspot.simulator, token).status

    hubspot.now += 20

    refused = account_details(hubspot.simulator, token)
    assert live == 200
    assert (refused.status, refused.body["category"]) == (401, "EXPIRED_AUTHENTICATION")  # type: ignore[index]
    assert hubspot.care(introspect, token).body == {"active": False}


def test_an_access_token_long_expired_is_forgotten() -> None:
    hubspot = HubSpot(token_lifetime=20)
    tokens = hubspot.install()
    hubspot.now += 3700

    hubspot.refresh(tokens)

    assert account_details(hubspot.simulator, tokens["access_token"]).outcome == "INVALID_AUTHENTICATION"


@pytest.mark.parametrize(("kind", "status"), [("contacts", 200), ("deals", 403)])
def test_crm_objects_need_their_scope(kind, status) -> None:
    hubspot = HubSpot()

    answer = list_objects(hubspot.simulator, hubspot.install()["access_token"], kind, {})

    assert answer.status == status
    assert answer.outcome == ("ok" if status == 200 else "MISSING_SCOPES")


def test_uninstalling_ends_every_grant_of_that_account_and_no_other() -> None:
    hubspot = HubSpot()
    first, second, elsewhere = hubspot.install(), hubspot.install(user_id=COLLEAGUE), hubspot.install(BEISPIEL)

    answer = uninstall(hubspot.simulator, second["access_token"])

    assert (answer.status, answer.body) == (204, None)
    assert [hubspot.refresh(tokens).outcome for tokens in (first, second)] == ["BAD_REFRESH_TOKEN"] * 2
    assert account_details(hubspot.simulator, first["access_token"]).status == 401
    assert hubspot.refresh(elsewhere).outcome == "ok"


def test_client_credentials_give_a_token_of_the_app_itself() -> None:
    hubspot = HubSpot()
    form = hubspot.app | {"grant_type": "client_credentials", "scope": "developer.webhooks_journal.read"}

    answer: Any = exchange(hubspot.simulator, form)
    refused = exchange(hubspot.simulator, form | {"scope": "crm.objects.contacts.read"})

    assert "refresh_token" not in answer.body
    assert account_details(hubspot.simulator, answer.body["access_token"]).status == 401
    assert refused.outcome == "BAD_SCOPES"


def test_no_secret_shows_in_a_repr() -> None:
    hubspot = HubSpot()
    code = hubspot.code()
    tokens = hubspot.redeem(code).body
    simulator = hubspot.simulator

    shown = repr(
        [
            simulator.settings,
            simulator.codes.find(code),
            simulator.grants.find(tokens["refresh_token"]),
            simulator.grants.access_token(tokens["access_token"]),
            hubspot.refresh(tokens),
        ]
    )

    for secret in (code, tokens["refresh_token"], tokens["access_token"], hubspot.app["client_secret"]):
        assert secret not in shown
