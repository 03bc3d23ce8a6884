"""A twin whose functions run under their own roles, of which one may lack one permission for a while."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from local.invoke import FunctionFailed, Invoker
from local.permissions import require_service_permissions
from local.plan import Options, plan_of
from local.routes import routes_of
from local.twin import Twin, twin
from ops.template import load_template
from tests.support.free_ports import free_port
from tests.support.lambda_events import worker_event
from tests.support.stack import table_key
from tests.support.translated_template import as_list
from tests.support.twin_client import ACME, TwinClient
from tests.support.twin_visitor import TwinVisitor
from tests.support.waiting import eventually

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
            for action in as_list(statement["Action"]):
                for place, _ in enumerate(as_list(statement["Resource"])):
                    yield Permission(role, number, action, place)


class Bench:
    """A running twin that can take one permission away from one role at a time."""

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
    actions, resources = as_list(statement["Action"]), as_list(statement["Resource"])
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


@contextmanager
def running_bench(state: Path) -> Iterator[Bench]:
    port, hubspot_port, aws_port = free_port(), free_port(), free_port()
    plan = plan_of(Options(port, hubspot_port, aws_port, state, schedule_seconds=NEVER))
    with twin(plan) as running:
        assert running.simulator_url
        yield Bench(running, TwinClient(running.url, running.simulator_url, running.stack.emulator.url, state))
