"""Every function lives on its own role's policy, enforced, and needs every permission in it.

Each case takes one action on one resource out of one role and does what that role is for: something must fail.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.cannot_start import CannotStart
from local.invoke import FunctionFailed
from tests.support.role_bench import BREAKER, ROLES, Bench, Permission, permissions, running_bench
from tests.support.stack import table_key
from tests.support.twin_client import ACME, BEISPIEL
from tests.support.twin_visitor import TwinVisitor, refusal_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.takes(seconds=130, waits=True)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running_bench(tmp_path_factory.mktemp("roles") / "state") as bench:
        yield bench


def install(bench: Bench) -> None:
    visitor = TwinVisitor(bench.reached)
    location = visitor.start().headers.get("location", "")
    assert location.startswith(bench.reached.hubspot_url)
    assert_not_configured_is_said(bench)


def assert_not_configured_is_said(bench: Bench) -> None:
    """Without a client secret the start page says what the operator must run."""
    secrets = bench.running.stack.emulator.client("secretsmanager")
    arn = bench.running.stack.outputs["ClientSecretArn"]
    value = secrets.get_secret_value(SecretId=arn)
    secrets.update_secret_version_stage(SecretId=arn, VersionStage="AWSCURRENT", RemoveFromVersionId=value["VersionId"])
    bench.restart("InstallFunctionRole")
    try:
        assert refusal_of(TwinVisitor(bench.reached).start()) == "not_configured"
    finally:
        secrets.put_secret_value(SecretId=arn, SecretString=value["SecretString"])
        bench.restart("InstallFunctionRole")


def callback(bench: Bench) -> None:
    bench.installed()
    visitor = TwinVisitor(bench.reached)
    address = visitor.callback_url()
    assert "You are connected" in visitor.land(address).text
    assert "You are connected" in visitor.open(address).text  # a reload
    other = visitor.consent(visitor.start(hub_id=ACME).headers["location"], BEISPIEL)
    assert refusal_of(visitor.land(other)) == "wrong_account"


def token(bench: Bench) -> None:
    bench.installed()
    assert bench.reached.token().status_code == 200
    version = bench.installed(expired=True)
    assert bench.reached.token().status_code == 200
    assert bench.version(ACME) == version + 1
    bench.installed(expired=True)
    bench.reached.simulate("faults", kind="error", error="BAD_CLIENT_SECRET", grant_type="refresh_token")
    assert bench.reached.token().status_code == 503
    assert bench.breaker_open()
    version = bench.installed(expired=True)
    bench.rescues("TokenFunctionRole", bench.reached.token, ACME, version)


def install_links(bench: Bench) -> None:
    assert bench.reached.call("/install-links", "POST", client_reference_id="customer-1").status_code == 201


def accounts(bench: Bench) -> None:
    bench.installed()
    for path in ("", f"/{ACME}", "?status=active", "?client_reference_id=customer-1"):
        assert bench.reached.call(f"/accounts{path}").status_code == 200


def disconnect(bench: Bench) -> None:
    bench.installed()
    done = bench.reached.call(f"/accounts/{ACME}", "DELETE")
    assert done.json() == {"hub_id": ACME, "revoked": True, "forgotten": True}
    assert bench.version(ACME) == 0


def adopt(bench: Bench) -> None:
    bench.reached.clear_faults()
    bench.reached.remove_accounts()
    grant = bench.reached.simulate("grants", count=1, first_hub_id=ACME)
    done = bench.reached.call(f"/accounts/{ACME}", "PUT", refresh_token=grant["refresh_token"])
    assert done.status_code == 201


def dispatcher(bench: Bench) -> None:
    version = bench.installed(due=True)
    assert bench.invoke("RefreshDispatcherFunction", {}) == {"queued": 1}
    eventually(lambda: bench.version(ACME) > version, bench.patience)
    bench.installed()
    now = {"N": str(int(time.time()))}
    mark = "SET #status = :dead, status_since = :now, refresh_at = :later"
    later = {"N": str(int(time.time()) + 3600)}
    bench.set("AccountsTableName", table_key(ACME), mark, dead={"S": "needs_reinstall"}, now=now, later=later)
    bench.set("ScratchTableName", BREAKER, "SET recheck_since = :since", since=now)
    bench.invoke("RefreshDispatcherFunction", {})
    assert "recheck_since" not in scratch(bench, "breaker")
    eventually(lambda: bench.reached.account()["status"] == "active", bench.patience)


def worker(bench: Bench) -> None:
    version = bench.installed(due=True)
    bench.work(ACME)
    assert bench.version(ACME) == version + 1
    bench.installed(due=True)
    bench.reached.simulate("faults", kind="error", error="BAD_CLIENT_SECRET", grant_type="refresh_token")
    bench.work(ACME)
    assert bench.breaker_open()
    version = bench.installed(due=True)
    bench.rescues("RefreshWorkerFunctionRole", lambda: bench.work(ACME), ACME, version)


def rescue(bench: Bench) -> None:
    version = bench.installed(due=True)
    bench.rescues("RefreshWorkerFunctionRole", lambda: bench.work(ACME), ACME, version)


def scratch(bench: Bench, key: str) -> dict[str, Any]:
    table = bench.running.stack.outputs["ScratchTableName"]
    client = bench.running.stack.emulator.client("dynamodb")
    return dict(client.get_item(TableName=table, Key={"pk": {"S": key}}).get("Item", {}))


DUTIES: dict[str, Callable[[Bench], None]] = {
    "InstallFunctionRole": install,
    "CallbackFunctionRole": callback,
    "TokenFunctionRole": token,
    "InstallLinksFunctionRole": install_links,
    "AdoptFunctionRole": adopt,
    "AccountsFunctionRole": accounts,
    "DisconnectFunctionRole": disconnect,
    "RefreshDispatcherFunctionRole": dispatcher,
    "RefreshScheduleRole": lambda _: None,
    "RefreshWorkerFunctionRole": worker,
    "RescueFunctionRole": rescue,
}


def do(bench: Bench, role: str) -> None:
    bench.require_service_permissions()
    DUTIES[role](bench)


def test_every_role_has_duties() -> None:
    assert set(DUTIES) == set(ROLES)


@pytest.mark.parametrize("role", DUTIES)
def test_with_its_whole_policy_each_role_does_its_duties(bench: Bench, role: str) -> None:
    do(bench, role)


@pytest.mark.parametrize("cut", list(permissions()), ids=str)
def test_without_any_one_permission_a_duty_fails(bench: Bench, cut: Permission) -> None:
    with bench.without(cut), pytest.raises((AssertionError, FunctionFailed, CannotStart)):
        do(bench, cut.role)


def test_a_policy_may_name_one_account(bench: Bench) -> None:
    bench.installed(ACME)
    bench.installed(BEISPIEL)
    only_acme = caller(bench, f"GET/accounts/{ACME}/token")

    assert only_acme(f"/accounts/{ACME}/token") == 200
    assert only_acme(f"/accounts/{BEISPIEL}/token") == 403
    assert only_acme("/accounts") == 403


def test_a_caller_who_may_see_accounts_may_take_their_tokens_unless_that_is_denied(bench: Bench) -> None:
    bench.installed(ACME)
    all_of_it = caller(bench, "GET/accounts/*")
    no_tokens = caller(bench, "GET/accounts/*", denied="GET/accounts/*/token")

    assert (all_of_it(f"/accounts/{ACME}"), all_of_it(f"/accounts/{ACME}/token")) == (200, 200)
    assert (no_tokens(f"/accounts/{ACME}"), no_tokens(f"/accounts/{ACME}/token")) == (200, 403)


@pytest.mark.parametrize(
    "spelling", ["0100001", "+100001", "100_001", "１００００１", "100001%20", "%31%30%30%30%30%31"]
)
def test_a_denied_account_cannot_be_reached_by_spelling_it_otherwise(bench: Bench, spelling: str) -> None:
    bench.installed(ACME)
    all_but_acme = caller(bench, "GET/accounts/*", denied=f"GET/accounts/{ACME}/token")

    assert all_but_acme(f"/accounts/{ACME}/token") == 403
    assert all_but_acme(f"/accounts/{spelling}/token") in {400, 403, 404}


def caller(bench: Bench, allowed: str, denied: str | None = None) -> Callable[[str], int]:
    """A further IAM user; calls a path and gives the status."""
    emulator, api = bench.running.stack.emulator, bench.id_of("HttpApi")
    stage = emulator.arn("execute-api", f"{api}/$default/")
    statements = [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": stage + allowed}]
    if denied:
        statements.append({"Effect": "Deny", "Action": "execute-api:Invoke", "Resource": stage + denied})
    limited = bench.reached.limited_to({"Version": "2012-10-17", "Statement": statements})
    return lambda path: limited.call(path).status_code
