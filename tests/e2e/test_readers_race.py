"""Any number of readers of one expired account cause exactly one refresh, and every one ends with its token."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
import requests

from hubspot_oauth.api.access_tokens import WAIT_SECONDS
from ops.template import ROOT
from tests.support.lambda_events import token_event
from tests.support.reader_race import Refusal, read_until_answered
from tests.support.stack import table_key
from tests.support.twin_client import ACME, TwinClient, warm
from tests.support.twin_process import TwinProcess
from tests.support.twin_visitor import TwinVisitor

pytestmark = pytest.mark.alone  # hundreds of readers against a deadline of seconds

PROCESSES, READERS = 16, 32


@pytest.fixture
def latency(twin: TwinProcess, request: pytest.FixtureRequest) -> Iterator[float]:
    """Seconds HubSpot takes for each call."""
    twin.simulate("settings", latency=request.param)
    yield request.param
    twin.simulate("settings", latency=0)


@pytest.mark.parametrize("latency", [0.05, 2.0], indirect=True)
def test_fifty_readers_over_http_cause_one_refresh(twin: TwinProcess, latency: float) -> None:
    TwinVisitor(twin).install(ACME)
    warm(twin, "TokenFunction", token_event(ACME), 50)
    expire(twin)
    before = twin.token_calls("refresh_token")

    answers = at_once(twin, 50)

    assert twin.token_calls("refresh_token") - before == 1
    assert len({answer.json()["fingerprint"] for _, answer in answers}) == 1
    assert twin.accepted(answers[0][1].json()["access_token"])
    assert_refused_rightly([refusal for refusals, _ in answers for refusal in refusals], latency)


@pytest.mark.parametrize("latency", [0.05, 2.0], indirect=True)
def test_five_hundred_readers_in_sixteen_processes_cause_one_refresh(
    twin: TwinProcess, racers: list[subprocess.Popen[str]], latency: float
) -> None:
    expire(twin)
    before = twin.token_calls("refresh_token")

    for racer in racers:
        say(racer, "go")
    answers = [json.loads(heard(racer)) for racer in racers for _ in range(READERS)]

    assert twin.token_calls("refresh_token") - before == 1
    assert len(answers) == PROCESSES * READERS >= 500
    assert {fingerprint for _, fingerprint in answers} == {twin.token().json()["fingerprint"]}
    assert_refused_rightly([refusal for refusals, _ in answers for refusal in refusals], latency)


def assert_refused_rightly(refused: list[Refusal], latency: float) -> None:
    """Assert that no reader is refused while HubSpot is quick; else it waits 3 s and gets Retry-After."""
    assert {status for status, _, _ in refused} <= ({503} if latency > 1 else set())
    assert all(retry_after and int(retry_after) > 0 and waited >= WAIT_SECONDS for _, retry_after, waited in refused)


@pytest.fixture(scope="module")
def racers(shared_twin: TwinProcess) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes full of readers, warm, each waiting for its line on standard input."""
    TwinVisitor(shared_twin).install(ACME)
    paths = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(ROOT / "layers" / "shared"), str(ROOT)])}
    environment = paths | shared_twin.environment_of("TokenFunction") | {"REFRESH_CONCURRENCY": str(READERS)}
    with ExitStack() as parts:
        started = [parts.enter_context(racing(environment)) for _ in range(PROCESSES)]
        for racer in started:
            assert heard(racer) == "ready"
        yield started


@contextmanager
def racing(environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.support.reader_race", str(ACME), str(READERS)]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as racer:
        yield racer  # ends when its standard input does


def say(racer: subprocess.Popen[str], line: str) -> None:
    assert racer.stdin
    racer.stdin.write(line + "\n")
    racer.stdin.flush()


def heard(racer: subprocess.Popen[str]) -> str:
    """What the process says next, its log lines left out."""
    assert racer.stdout
    return next(line.strip() for line in racer.stdout if line.startswith(("[", "ready")))


def at_once(twin: TwinClient, readers: int) -> list[tuple[list[Refusal], requests.Response]]:
    def ask() -> tuple[int, str | None, requests.Response]:
        answer = twin.token()
        return answer.status_code, answer.headers.get("retry-after"), answer

    starting = threading.Barrier(readers)
    with ThreadPoolExecutor(readers) as pool:
        reading = [pool.submit(read_until_answered, ask, starting) for _ in range(readers)]
        return [reader.result() for reader in reading]


def expire(twin: TwinClient) -> None:
    """Let the account's token have expired, without the schedule seeing it as due."""
    twin.aws("dynamodb").update_item(
        TableName=twin.outputs["AccountsTableName"],
        Key=table_key(ACME),
        UpdateExpression="SET expires_at = :then, refresh_at = :then REMOVE refresh_shard",
        ExpressionAttributeValues={":then": {"N": "1"}},
    )
