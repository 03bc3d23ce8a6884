"""Any number of readers of one expired account cause exactly one refresh, and every one ends with its token."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from ops.template import ROOT
from tests.twins import ACME, Reached, TwinProcess, Visit

PATIENCE = 30


@pytest.fixture
def latency(twin: TwinProcess, request: pytest.FixtureRequest) -> Iterator[float]:
    """Seconds HubSpot takes for each call."""
    twin.simulate("settings", latency=request.param)
    yield request.param
    twin.simulate("settings", latency=0)


@pytest.mark.parametrize("latency", [0.05, 2.0], indirect=True)
def test_fifty_readers_over_http_cause_one_refresh(twin: TwinProcess, latency: float) -> None:
    Visit(twin).install(ACME)
    at_once(twin, 50)  # fifty warm workers: a cold start is slower than any race
    expire(twin)
    before = twin.token_calls("refresh_token")

    answers = at_once(twin, 50)

    assert twin.token_calls("refresh_token") - before == 1
    assert len({answer.json()["fingerprint"] for answer, _ in answers}) == 1
    assert twin.accepted(answers[0][0].json()["access_token"])
    refused = [status for _, statuses in answers for status in statuses]
    assert set(refused) <= ({503} if latency > 1 else set())


@pytest.mark.parametrize("latency", [0.05, 2.0], indirect=True)
def test_a_hundred_readers_in_several_processes_cause_one_refresh(twin: TwinProcess, latency: float) -> None:
    processes, readers = 4, 25
    environment = environment_of(twin, "TokenFunction")
    with ExitStack() as parts:
        racers = [
            parts.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.racing", str(ACME), str(readers)],
                    cwd=ROOT,
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(processes)
        ]
        for racer in racers:
            assert racer.stdout
            assert racer.stdout.readline() == "ready\n"
        expire(twin)
        before = twin.token_calls("refresh_token")
        for racer in racers:
            assert racer.stdin
            racer.stdin.write("go\n")
            racer.stdin.flush()
        answers = [json.loads(line) for racer in racers for line in answers_of(racer)]

    assert twin.token_calls("refresh_token") - before == 1
    assert len(answers) == processes * readers
    fresh = twin.token().json()["fingerprint"]
    assert {fingerprint for status, _, fingerprint in answers if status == 200} <= {fresh}
    waiting = [(status, int(retry_after)) for status, retry_after, _ in answers if status != 200]
    assert all(status == 503 and retry_after > 0 for status, retry_after in waiting)


def answers_of(racer: subprocess.Popen[str]) -> Iterator[str]:
    assert racer.stdout
    return (line for line in racer.stdout if line.startswith("["))


def at_once(twin: Reached, readers: int) -> list[tuple[requests.Response, list[int]]]:
    starting = threading.Barrier(readers)
    with ThreadPoolExecutor(readers) as pool:
        reading = [pool.submit(read_until_answered, twin, starting) for _ in range(readers)]
        return [reader.result() for reader in reading]


def read_until_answered(twin: Reached, starting: threading.Barrier) -> tuple[requests.Response, list[int]]:
    """A reader that does as it is told: comes back after Retry-After. The token, and the refusals on the way."""
    starting.wait()
    refused = []
    deadline = time.monotonic() + PATIENCE
    while not (answer := twin.token()).ok:
        refused.append(answer.status_code)
        assert answer.headers["retry-after"]
        assert time.monotonic() < deadline, answer.text
        time.sleep(min(1.0, float(answer.headers["retry-after"])))
    return answer, refused


def expire(twin: Reached) -> None:
    """An account whose token has expired, and which the schedule does not see as due."""
    Visit(twin).install(ACME)
    twin.aws("dynamodb").update_item(
        TableName=twin.outputs["AccountsTableName"],
        Key={"hub_id": {"N": str(ACME)}},
        UpdateExpression="SET expires_at = :then",
        ExpressionAttributeValues={":then": {"N": "1"}},
    )


def environment_of(twin: Reached, function: str) -> dict[str, Any]:
    """What the deployed function finds in its environment, with the root's credentials."""
    functions = twin.aws("lambda").list_functions()["Functions"]
    configured = next(f for f in functions if f"-{function}-" in f["FunctionName"])
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT / "layers" / "shared"), str(ROOT)]),
        "AWS_ENDPOINT_URL": twin.aws_url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        **configured["Environment"]["Variables"],
    }
