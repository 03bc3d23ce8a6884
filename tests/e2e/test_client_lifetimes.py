"""200 threads in four processes call HubSpot through the client, for three lifetimes of one account's token."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ops.template import ROOT
from tests.support import twin_process
from tests.support.lambda_events import worker_event
from tests.support.twin_client import ACME, warm
from tests.support.twin_visitor import TwinVisitor

PROCESSES, THREADS = 4, 50
LIFETIME, LIFETIMES = 24, 3
#: A token is refreshed when so much of its life has passed: the margin is 33 %, and the jitter takes less than that.
SOONEST = 0.5
pytestmark = pytest.mark.takes(seconds=90, waits=True)


@dataclass(frozen=True)
class Run:
    """What each process counted, HubSpot's own account of it, and how often the row was written."""

    processes: list[dict[str, Any]]
    journal: list[dict[str, Any]]
    version: int


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    flags = ["--schedule-seconds", "1", "--token-lifetime", str(LIFETIME)]
    with twin_process.running(tmp_path_factory.mktemp("readers") / "state", *flags) as twin:
        warm(twin, "RefreshWorkerFunction", worker_event(), 1)
        TwinVisitor(twin).install(ACME)
        paths = [ROOT / "layers" / "client", ROOT / "layers" / "shared", ROOT]
        environment = os.environ | twin.client_environment | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
        words = [sys.executable, "-m", "tests.support.client_readers", str(ACME), str(THREADS)]
        readers = [
            subprocess.Popen(
                [*words, str(LIFETIME * LIFETIMES)], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
            )
            for _ in range(PROCESSES)
        ]
        counted = [json.loads(reader.communicate(timeout=LIFETIME * LIFETIMES + 120)[0]) for reader in readers]
        yield Run(counted, twin.journal()["entries"], int(twin.account(ACME)["version"]))


def test_no_call_fails_for_its_token(run: Run) -> None:
    data_calls = [entry["status"] for entry in run.journal if entry["endpoint"] == "crm"]

    assert len(data_calls) > PROCESSES * THREADS * LIFETIMES
    assert set(data_calls) == {200}
    assert sum(process["statuses"]["200"] for process in run.processes) == len(data_calls)


def test_a_token_is_refreshed_once_whoever_uses_it(run: Run) -> None:
    refreshes = [entry for entry in run.journal if entry["grant_type"] == "refresh_token"]

    assert {entry["outcome"] for entry in refreshes} == {"ok"}
    assert len(refreshes) == run.version - 1
    assert LIFETIMES <= len(refreshes) <= LIFETIMES / SOONEST + 1


def test_a_process_asks_once_for_each_token_it_uses(run: Run) -> None:
    for process in run.processes:
        assert LIFETIMES <= process["requests"] <= run.version
