"""Refresh tokens of another system are taken over: proved at HubSpot first, and never over a living grant."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from hubspot_oauth.adapters import telemetry
from hubspot_oauth.domain.account import Failure, GrantKey, Status
from hubspot_oauth.domain.tokens import Tokens
from simulator import Running
from simulator.configuration import OTHER_CLIENT_ID
from simulator.faults import parse_fault
from simulator.grants import Grant
from tests.support.lambda_events import signed_event, token_event
from tests.support.product_visitor import ProductVisitor
from tests.support.simulated_hubspot import fail_refreshes, token_calls
from tests.support.stack import Clock, Stack, a_minute

HUB_ID = 100001
SCOPES = ("oauth", "crm.objects.contacts.read")


@pytest.fixture
def grant(hubspot: Running) -> Callable[..., str]:
    """Makes a grant that the other system holds; gives its refresh token."""

    def make(hub_id: int = HUB_ID, client_id: str | None = None) -> str:
        simulator = hubspot.simulator
        with simulator.lock:
            given = simulator.grants.add(Grant(client_id or simulator.settings.client_id, hub_id, 9002, SCOPES))
            simulator.renew_refresh_token(given)
            return str(given.refresh_token)

    return make


def put(stack: Stack, content: Any, hub_id: int = HUB_ID) -> tuple[int, dict[str, Any]]:
    body = content if isinstance(content, str) else json.dumps(content)
    answer = stack.adopt_route.answer(signed_event("PUT /accounts/{hub_id}", hub_id, body=body))
    return answer["statusCode"], json.loads(answer["body"])


def read(stack: Stack, hub_id: int = HUB_ID) -> tuple[int, dict[str, Any]]:
    answer = stack.token_route.answer(token_event(hub_id), a_minute)
    return answer["statusCode"], json.loads(answer["body"])


def test_an_adopted_account_gives_tokens_while_the_old_system_goes_on(
    connected: Stack, hubspot: Running, grant: Callable[..., str]
) -> None:
    token = grant()

    status, account = put(connected, {"refresh_token": token, "client_reference_id": "customer-7"})

    assert status == 201
    assert {name: account[name] for name in ("hub_id", "domain", "status", "client_reference_id", "scopes")} == {
        "hub_id": HUB_ID,
        "domain": f"account-{HUB_ID}.example",
        "status": "active",
        "client_reference_id": "customer-7",
        "scopes": list(SCOPES),
    }
    assert token_calls(hubspot.simulator, "refresh_token") == 0
    assert read(connected)[0] == 200
    assert hubspot.simulator.grants.find(token) is not None


def test_the_schedule_refreshes_an_adopted_account_at_its_next_tick(
    connected: Stack, hubspot: Running, grant: Callable[..., str]
) -> None:
    put(connected, {"refresh_token": grant()})

    connected.tick()

    assert connected.stored(HUB_ID).version == 2
    assert read(connected)[0] == 200
    assert token_calls(hubspot.simulator, "refresh_token") == 1


def test_no_empty_token_is_handed_out_while_hubspot_refreshes_none(
    connected: Stack, hubspot: Running, grant: Callable[..., str]
) -> None:
    put(connected, {"refresh_token": grant()})
    fail_refreshes(hubspot.simulator, kind="status", status=503)

    assert read(connected)[1]["code"] == "hubspot_unavailable"


def test_the_same_call_again_changes_nothing(connected: Stack, grant: Callable[..., str]) -> None:
    content = {"refresh_token": grant(), "client_reference_id": "customer-7"}
    put(connected, content)
    connected.tick()
    before = connected.stored(HUB_ID)

    assert put(connected, content)[0] == 200
    assert connected.stored(HUB_ID) == before


def test_a_connected_account_keeps_its_own_grant(installed: Stack, grant: Callable[..., str]) -> None:
    before = installed.stored(HUB_ID)

    status, account = put(installed, {"refresh_token": grant(), "client_reference_id": "customer-7"})

    after = installed.stored(HUB_ID)
    assert (status, account["client_reference_id"]) == (200, "customer-7")
    assert (after.install_id, after.version, after.sealed) == (before.install_id, before.version, before.sealed)


def test_an_account_that_needs_a_reinstall_is_connected_again(
    connected: Stack, grant: Callable[..., str], clock: Clock
) -> None:
    connected.store(HUB_ID, Tokens("access", "dead"), refresh_at=0, client_reference_id="customer-7")
    leased = connected.accounts.lease_due(GrantKey.of_account(HUB_ID), "owner", int(clock()))
    assert leased
    connected.accounts.mark_dead(leased, Failure(int(clock()), "BAD_REFRESH_TOKEN"), None)

    status, account = put(connected, {"refresh_token": grant()})

    assert (status, account["status"], account["needs_reinstall_because"]) == (201, "active", None)
    assert account["client_reference_id"] == "customer-7"
    assert read(connected)[0] == 200


def test_an_install_replaces_an_adopted_grant_even_if_its_code_was_exchanged_before(
    connected: Stack, grant: Callable[..., str], clock: Clock
) -> None:
    put(connected, {"refresh_token": grant()})

    install_id = connected.store(HUB_ID, Tokens("access", "refresh"), exchanged_at_ms=int(clock() - 10) * 1000)

    assert connected.stored(HUB_ID).install_id == install_id


def test_an_account_that_is_being_disconnected_is_left_alone(installed: Stack, grant: Callable[..., str]) -> None:
    installed.accounts.begin_disconnect(GrantKey.of_account(HUB_ID), int(installed.clock()))

    status, account = put(installed, {"refresh_token": grant()})

    assert (status, account["status"]) == (200, Status.DISCONNECTING)


@pytest.mark.parametrize("given", ["another account's", "another app's", "an unknown", "a revoked"])
def test_a_token_that_is_not_this_accounts_is_refused_and_nothing_is_stored(
    connected: Stack, hubspot: Running, grant: Callable[..., str], given: str
) -> None:
    token = {
        "another account's": lambda: grant(100002),
        "another app's": lambda: grant(client_id=OTHER_CLIENT_ID),
        "an unknown": lambda: "na1-unknown",
        "a revoked": grant,
    }[given]()
    if given == "a revoked":
        hubspot.simulator.grants.uninstall(hubspot.simulator.settings.client_id, HUB_ID)

    status, said = put(connected, {"refresh_token": token})

    wrong = given == "another account's"
    assert (status, said["code"]) == (409, "wrong_account" if wrong else "refresh_token_refused")
    assert said.get("hub_id") == (100002 if wrong else None)
    assert token not in json.dumps(said)
    assert connected.account(HUB_ID) is None


@pytest.mark.parametrize("state", ["active", "dead"])
def test_an_account_of_one_customer_is_not_given_to_another(
    connected: Stack, grant: Callable[..., str], clock: Clock, state: str
) -> None:
    connected.store(HUB_ID, Tokens("access", "refresh"), refresh_at=0, client_reference_id="customer-1")
    if state == "dead":
        leased = connected.accounts.lease_due(GrantKey.of_account(HUB_ID), "owner", int(clock()))
        assert leased
        connected.accounts.mark_dead(leased, Failure(int(clock()), "BAD_REFRESH_TOKEN"), None)
    before = connected.stored(HUB_ID)

    status, said = put(connected, {"refresh_token": grant(), "client_reference_id": "customer-7"})

    assert (status, said["code"], said["hub_id"]) == (409, "account_already_linked", HUB_ID)
    assert connected.stored(HUB_ID) == before


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"kind": "status", "status": 503}, "hubspot_unavailable"),
        ({"kind": "status", "status": 429}, "hubspot_unavailable"),
        ({"kind": "without", "fields": ["hub_id"]}, "hubspot_unavailable"),
        ({"kind": "error", "error": "BAD_CLIENT_SECRET"}, "misconfigured"),
    ],
    ids=json.dumps,
)
def test_a_hubspot_that_does_not_say_leaves_nothing_behind(
    connected: Stack, hubspot: Running, grant: Callable[..., str], fault: dict[str, Any], code: str
) -> None:
    hubspot.simulator.faults.add(parse_fault({"endpoint": "introspect", **fault}))

    status, said = put(connected, {"refresh_token": grant()})

    assert (status, said["code"]) == (503, code)
    assert connected.account(HUB_ID) is None


def test_without_a_data_key_hubspot_is_not_asked(
    connected: Stack, hubspot: Running, grant: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> object:
        raise connected.kms.exceptions.KMSInternalException(
            {"Error": {"Code": "ThrottlingException"}}, "GenerateDataKey"
        )

    monkeypatch.setattr(connected.kms, "generate_data_key", refuse)

    assert put(connected, {"refresh_token": grant()})[1]["code"] == "vault_unavailable"
    assert hubspot.simulator.journal.entries() == []


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ("not json", None),
        ("[]", None),
        ({}, "refresh_token"),
        ({"refresh_token": None}, "refresh_token"),
        ({"refresh_token": ""}, "refresh_token"),
        ({"refresh_token": 7}, "refresh_token"),
        ({"refresh_token": "with space"}, "refresh_token"),
        ({"refresh_token": "é"}, "refresh_token"),
        ({"refresh_token": "line\nbreak"}, "refresh_token"),
        ({"refresh_token": "x" * 4097}, "refresh_token"),
        ({"refresh_token": "x", "client_reference_id": "x" * 257}, "client_reference_id"),
        ({"refresh_token": "x", "access_token": "y"}, "access_token"),
    ],
    ids=range(12),
)
def test_a_malformed_body_is_refused_without_repeating_it(
    connected: Stack, hubspot: Running, content: Any, field: str | None
) -> None:
    status, said = put(connected, content)

    assert (status, said["code"], said.get("field")) == (400, "invalid_request", field)
    assert "xxx" not in json.dumps(said)
    assert hubspot.simulator.journal.entries() == []


def test_the_refresh_token_stands_in_no_log(
    connected: Stack, grant: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    records: list[str] = []
    monkeypatch.setattr(telemetry.logger._logger, "handle", lambda record: records.append(str(vars(record))))
    monkeypatch.setattr(telemetry.audit._logger, "handle", lambda record: records.append(str(vars(record))))
    tokens = [grant(), grant(100002)]

    for token in tokens:
        put(connected, {"refresh_token": token})

    assert sum("signed call" in record for record in records) == 2
    assert not any(token[4:20] in record for token in tokens for record in [*records, str(connected.reports.entries)])


def test_an_adopted_account_is_disconnected_like_any_other(
    connected: Stack, hubspot: Running, grant: Callable[..., str], visitor: ProductVisitor
) -> None:
    token = grant()
    put(connected, {"refresh_token": token})

    left = connected.disconnect_route.disconnect(HUB_ID, uninstall=True)

    assert (left.uninstalled, left.revoked, left.forgotten) == (True, True, True)
    assert hubspot.simulator.grants.find(token) is None
