"""Every function lives on its own role's policy, enforced, and needs every permission in it.

Each case takes one action on one resource out of one role and does what that role is for: something must fail.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from local.cannot_start import CannotStart
from local.invoke import FunctionFailed, Invoker
from local.permissions import require_service_permissions
from local.plan import Wishes, plan_of
from local.routes import routes_of
from local.twin import Twin, twin
from ops.template import load_template
from tests.support.free_ports import free_port
from tests.support.lambda_events import worker_event
from tests.support.stack import table_key
from tests.support.twin_client import ACME, BEISPIEL, TwinClient
from tests.support.twin_visitor import TwinVisitor, refusal_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.takes(seconds=130, waits=True)

NEVER = 3600.0
BREAKER = {"pk": {"S": "breaker"}}
#: A policy needs a statement; no function asks for this one.
NOTHING = {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}
ROLES = {name: r["Properties"] for name, r in load_template()["Resources"].items() if r["Type"] == "AWS::IAM::Role"}


@dataclass(frozen=True)
class Permission:
    """One action on one resource, by its place in the role's policy."""

    role: str
    statement: int
    action: str
    resource: int

    def __str__(self) -> str:
        return f"{self.role}-{self.statement}-{self.action}-{self.resource}"


def permissions() -> Iterator[Permission]:
    for role, properties in ROLES.items():
        [policy] = properties["Policies"]
        for number, statement in enumerate(policy["PolicyDocument"]["Statement"]):
            for action in listed(statement["Action"]):
                for place, _ in enumerate(listed(statement["Resource"])):
                    yield Permission(role, number, action, place)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class Bench:
    """A running twin of which one role at a time may be cut."""

    def __init__(self, running: Twin, reached: TwinClient) -> None:
        self.running = running
        self.reached = reached
        self._emulator = running.stack.emulator
        self._invoke = Invoker(self._emulator)
        self._iam = self._emulator.client("iam")
        self._numbers = count(1)
        self.patience = 60  # seconds for what must happen, cold starts among it

    def id_of(self, name: str) -> str:
        return self.running.stack.physical_ids[name]

    @contextmanager
    def without(self, cut: Permission) -> Iterator[None]:
        """The role lacks this permission while the block lasts; its function starts afresh, so no cache hides it."""
        role = self.id_of(cut.role)
        [name] = self._iam.list_role_policies(RoleName=role)["PolicyNames"]
        document = self._iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        self._iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(less(document, cut)))
        self.restart(cut.role)
        patience, self.patience = self.patience, 5  # for what will most likely not happen
        try:
            yield
        finally:
            self.patience = patience
            self._iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
            self.restart(cut.role)

    @contextmanager
    def denied(self, role: str, action: str) -> Iterator[None]:
        statement = {"Effect": "Deny", "Action": action, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._iam.put_role_policy(RoleName=self.id_of(role), PolicyName="denied", PolicyDocument=document)
        try:
            yield
        finally:
            self._iam.delete_role_policy(RoleName=self.id_of(role), PolicyName="denied")

    def restart(self, role: str) -> None:
        if role.endswith("FunctionRole"):
            function = self.id_of(role.removesuffix("Role"))
            self._emulator.client("lambda").update_function_configuration(
                FunctionName=function,
                MemorySize=1024 + next(self._numbers),  # a change that replaces its workers
            )

    def invoke(self, function: str, event: object) -> Any:
        arn = self._emulator.arn("lambda", f"function:{self.id_of(function)}")
        return self._invoke(arn, event, 60)

    def work(self, hub_id: int) -> None:
        """Hand one message to the worker, as the queue does."""
        self.invoke("RefreshWorkerFunction", worker_event(hub_id))

    def set(self, table: str, key: dict[str, Any], change: str, **values: Any) -> None:
        self._emulator.client("dynamodb").update_item(
            TableName=self.running.stack.outputs[table],
            Key=key,
            UpdateExpression=change,
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
            **({"ExpressionAttributeNames": {"#status": "status"}} if "#status" in change else {}),
        )

    def installed(self, hub_id: int = ACME, *, due: bool = False, expired: bool = False) -> int:
        """An account, fresh, due or expired; its version. HubSpot is well and the breaker closed."""
        self.reached.clear_faults()
        self._emulator.client("dynamodb").delete_item(
            TableName=self.running.stack.outputs["ScratchTableName"], Key=BREAKER
        )
        assert "You are connected" in TwinVisitor(self.reached).install(hub_id).text
        key = table_key(hub_id)
        if due or expired:
            self.set("AccountsTableName", key, "SET refresh_at = :then", then={"N": "1"})
        if expired:
            self.set("AccountsTableName", key, "SET expires_at = :then", then={"N": "2"})
        return self.version(hub_id)

    def version(self, hub_id: int) -> int:
        return int(self.reached.account(hub_id).get("version", 0))

    def breaker_open(self) -> bool:
        table = self.running.stack.outputs["ScratchTableName"]
        row = self._emulator.client("dynamodb").get_item(TableName=table, Key=BREAKER).get("Item", {})
        return "opened_by" in row

    def require_service_permissions(self) -> None:
        api_id, routes = routes_of(self.running.stack)
        require_service_permissions(self.running.stack, api_id, routes)

    def rescues(self, role: str, renew: Callable[[], object], hub_id: int, version: int) -> None:
        """The table refuses what HubSpot issued; the rescue queue carries it there later."""
        self.reached.simulate("faults", kind="slow", seconds=60, grant_type="refresh_token", times=1)
        before = self.reached.token_calls("refresh_token") + len(pending(self.reached))
        renewing = threading.Thread(target=swallow, args=(renew,))
        renewing.start()
        eventually(
            lambda: self.reached.token_calls("refresh_token") + len(pending(self.reached)) > before, 2 * self.patience
        )
        with self.denied(role, "dynamodb:UpdateItem"):
            self.reached.clear_faults()  # HubSpot answers now
            renewing.join(3 * self.patience)
            assert not renewing.is_alive(), "neither table nor queue took the new tokens"  # it offers them by turns
        eventually(lambda: self.version(hub_id) > version, self.patience)


def pending(reached: TwinClient) -> list[Any]:
    return [entry for entry in reached.journal()["entries"] if entry["outcome"] == "pending"]


def swallow(act: Callable[[], object]) -> None:
    with suppress(FunctionFailed):
        act()


def less(document: dict[str, Any], cut: Permission) -> dict[str, Any]:
    """The policy without one action on one resource."""
    smaller = deepcopy(document)
    statement = smaller["Statement"].pop(cut.statement)
    actions, resources = listed(statement["Action"]), listed(statement["Resource"])
    covered = {cut.action, *({"sqs:SendMessageBatch"} if cut.action == "sqs:SendMessage" else set())}
    parts = [
        ([action for action in actions if action not in covered], resources),
        (
            [action for action in actions if action in covered],
            [r for n, r in enumerate(resources) if n != cut.resource],
        ),
    ]
    for its_actions, its_resources in parts:
        if its_actions and its_resources:
            smaller["Statement"].append({**statement, "Action": its_actions, "Resource": its_resources})
    return smaller if smaller["Statement"] else {**smaller, "Statement": [NOTHING]}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    port, hubspot_port, aws_port = free_port(), free_port(), free_port()
    state = tmp_path_factory.mktemp("roles") / "state"
    plan = plan_of(Wishes(port, hubspot_port, aws_port, state, schedule_seconds=NEVER))
    with twin(plan) as running:
        assert running.simulator_url
        yield Bench(running, TwinClient(running.url, running.simulator_url, running.stack.emulator.url, state))


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
    address = visitor.consent(visitor.start().headers["location"])
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


def dispatcher(bench: Bench) -> None:
    version = bench.installed(due=True)
    assert bench.invoke("RefreshDispatcherFunction", {}) == {"queued": 1}
    eventually(lambda: bench.version(ACME) > version, bench.patience)
    bench.installed()
    now = {"N": str(int(time.time()))}
    mark = "SET #status = :dead, status_since = :now REMOVE refresh_at, refresh_shard"
    bench.set(
        "AccountsTableName",
        table_key(ACME),
        mark,
        dead={"S": "needs_reinstall"},
        now=now,
    )
    bench.set("ScratchTableName", BREAKER, "SET revive_since = :since", since=now)
    bench.invoke("RefreshDispatcherFunction", {})
    assert bench.reached.account()["status"] == "active"
    assert "revive_since" not in scratch(bench, "breaker")


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
def test_without_any_one_permission_something_fails(bench: Bench, cut: Permission) -> None:
    with bench.without(cut), pytest.raises((AssertionError, FunctionFailed, CannotStart)):
        do(bench, cut.role)


def test_a_policy_may_name_one_account(bench: Bench) -> None:
    bench.installed(ACME)
    bench.installed(BEISPIEL)
    only_acme = caller(bench, f"GET/accounts/{ACME}/token")

    assert only_acme(f"/accounts/{ACME}/token") == 200
    assert only_acme(f"/accounts/{BEISPIEL}/token") == 403
    assert only_acme("/accounts") == 403


def test_who_may_see_accounts_may_take_their_tokens_unless_that_is_denied(bench: Bench) -> None:
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
    name = f"caller-{time.monotonic_ns()}"
    iam = emulator.client("iam")
    iam.create_user(UserName=name)
    stage = emulator.arn("execute-api", f"{api}/$default/")
    statements = [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": stage + allowed}]
    if denied:
        statements.append({"Effect": "Deny", "Action": "execute-api:Invoke", "Resource": stage + denied})
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName=name, PolicyName="calls", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    credentials = bench.reached.credentials | {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    Path(bench.reached.state / "callers" / f"{name}.json").write_text(json.dumps(credentials))
    limited = TwinClient(bench.reached.url, bench.reached.hubspot_url, bench.reached.aws_url, bench.reached.state)
    limited.credentials = credentials
    return lambda path: limited.call(path).status_code
