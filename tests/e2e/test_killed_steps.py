"""A worker killed at each step of a refresh: the schedule alone makes the account fresh again, within stated limits.

The worker is a process that SIGKILL ends; the rest of the product runs here, at later and later times.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import boto3
import pytest

from hubspot_oauth.domain import call_timeouts, refresh_timing
from hubspot_oauth.domain.account import Account, Status
from hubspot_oauth.domain.tokens import Tokens
from local.emulator import REGION, ROOT_KEY, await_ready, emulator
from local.statedir import EMULATOR_LOG, state_dir
from ops.template import ROOT
from simulator import Running, SimulatorSettings, serve
from simulator.control import mint
from simulator.faults import parse_fault
from tests.support.free_ports import free_port
from tests.support.stack import ENVIRONMENT, Clock, Stack, create_resources, table_key
from tests.support.waiting import eventually
from tests.support.worker_that_dies import STEPS

pytestmark = pytest.mark.takes(seconds=30, waits=True)

WHILE_HUBSPOT_WORKS = "HubSpot's work"
BEFORE_HUBSPOT = ("the lease", "the data key")
LOSING = ("HubSpot's answer", WHILE_HUBSPOT_WORKS)  # after these, a rotated refresh token is lost
HUB_ID = 300_001


@dataclass
class Worker:
    """An account that is due, and a worker process that dies over it."""

    stack: Stack
    hubspot: Running

    def dies_after(self, step: str) -> Account:
        """What the worker leaves behind."""
        command = [
            sys.executable,
            "-m",
            "tests.support.worker_that_dies",
            str(HUB_ID),
            *([step] if step in STEPS else []),
        ]
        environment = {"PATH": os.environ["PATH"], **ENVIRONMENT, **self.stack.environment, **_aws_environment()}
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "layers" / "shared"), str(ROOT)])
        if step == WHILE_HUBSPOT_WORKS:
            fault = self.hubspot.simulator.faults.add(parse_fault({"kind": "slow", "seconds": 60, "times": 1}))
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
            if step == WHILE_HUBSPOT_WORKS:
                eventually(lambda: fault.hits, 30)
                process.send_signal(signal.SIGKILL)
            assert process.wait(30) == -signal.SIGKILL
        self.hubspot.simulator.faults.clear()
        return self.account

    def at(self, when: int) -> Account:
        """What one run of the schedule at this time makes of the account."""
        assert isinstance(self.stack.clock, Clock)
        self.stack.clock.now = when
        self.stack.tick()
        return self.account

    @property
    def asked(self) -> int:
        """How many refreshes have reached HubSpot."""
        return sum(entry["endpoint"] == "token" for entry in self.hubspot.simulator.journal.entries())

    @property
    def account(self) -> Account:
        return self.stack.stored(HUB_ID)


def _aws_environment() -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "POWERTOOLS_SERVICE_NAME": "dying",
        "POWERTOOLS_METRICS_NAMESPACE": "HubSpotOAuth",
    }


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The stack's tables, key, secrets and queues where several processes reach them, and what names them."""
    with ExitStack() as parts:
        state = parts.enter_context(state_dir(tmp_path_factory.mktemp("aws") / "state"))
        running = parts.enter_context(emulator(free_port(), state))
        await_ready(running, state / EMULATOR_LOG)
        patch = parts.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("AWS_ENDPOINT_URL", running.url)
        patch.setattr(boto3, "DEFAULT_SESSION", boto3.Session(ROOT_KEY, ROOT_KEY, region_name=REGION))
        yield create_resources(boto3.client)


@pytest.fixture
def hubspot() -> Iterator[Running]:
    with serve(SimulatorSettings()) as running:
        yield running


@pytest.fixture
def worker(aws: dict[str, str], hubspot: Running) -> Iterator[Worker]:
    environment = {**aws, "HUBSPOT_API_URL": hubspot.url, "HUBSPOT_APP_URL": hubspot.url}
    stack = Stack(environment, Clock(time.time()), boto3.client)
    [grant] = mint(hubspot.simulator, {"first_hub_id": HUB_ID})
    tokens = Tokens(grant["access_token"], grant["refresh_token"])
    stack.store(HUB_ID, tokens, refresh_at=int(time.time()))
    yield Worker(stack, hubspot)
    stack.dynamodb.delete_item(TableName=stack.settings.accounts_table, Key=table_key(HUB_ID))
    stack.dynamodb.delete_item(TableName=stack.settings.scratch_table, Key={"pk": {"S": "breaker"}})


@pytest.mark.parametrize(
    ("step", "rotation"),
    [(step, False) for step in (*BEFORE_HUBSPOT, *LOSING)] + [(step, True) for step in BEFORE_HUBSPOT],
)
def test_when_the_lease_of_a_killed_worker_runs_out_the_schedule_makes_the_account_fresh(
    worker: Worker, step: str, rotation: bool
) -> None:
    worker.hubspot.simulator.change(rotate_refresh_tokens=rotation)

    left = worker.dies_after(step)

    assert worker.asked == (step in LOSING)
    assert left.lease_until
    assert worker.at(left.lease_until - 1).version == 1
    fresh = worker.at(left.lease_until)
    assert (fresh.version, fresh.lease_owner, fresh.orphaned_since, fresh.attempts) == (2, None, None, 0)
    assert fresh.refresh_at
    assert worker.at(fresh.refresh_at).version == 3  # what is stored is the grant that lives


@pytest.mark.parametrize("rotation", [False, True])
def test_a_worker_killed_after_its_commit_leaves_nothing_to_mend(worker: Worker, rotation: bool) -> None:
    worker.hubspot.simulator.change(rotate_refresh_tokens=rotation)

    left = worker.dies_after("the commit")

    assert worker.asked == 1
    assert (left.version, left.lease_owner, left.attempts) == (2, None, 0)
    assert left.refresh_at
    assert worker.at(left.refresh_at - 1).version == 2
    assert worker.at(left.refresh_at).version == 3


@pytest.mark.parametrize("step", LOSING)
def test_a_rotated_answer_that_died_with_its_worker_ends_the_grant_only_when_it_cannot_arrive_any_more(
    worker: Worker, step: str
) -> None:
    worker.hubspot.simulator.change(rotate_refresh_tokens=True)

    left = worker.dies_after(step)

    assert left.lease_until
    waiting = worker.at(left.lease_until)
    assert (waiting.status, waiting.version, waiting.lease_owner) == (Status.ACTIVE, 1, None)
    assert waiting.refresh_at
    assert waiting.refresh_at > left.lease_until
    assert waiting.orphaned_since
    horizon = waiting.orphaned_since + call_timeouts.RESCUE_RETENTION_SECONDS
    assert worker.at(horizon).status is Status.ACTIVE
    dead = worker.at(horizon + refresh_timing.BACKOFF_MOST_SECONDS + 1)
    assert (dead.status, dead.needs_reinstall_because) == (Status.NEEDS_REINSTALL, "BAD_REFRESH_TOKEN")
