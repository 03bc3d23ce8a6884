"""What `sam build` builds does its job: each function on a clean interpreter, on the emulator's tables and keys."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hubspot_oauth.adapters.rescue_queue import to_message
from hubspot_oauth.domain.account import GrantKey, Renewal
from tests.support.built_functions import FUNCTIONS, needs_sam, path_of
from tests.support.lambda_events import signed_event, token_event, visit_event, worker_event
from tests.support.twin_client import ACME
from tests.support.twin_process import TwinProcess
from tests.support.twin_visitor import TwinVisitor

pytestmark = needs_sam

UNKNOWN = 999_999
RENEWAL = Renewal(
    key=GrantKey.of_account(UNKNOWN),
    install_id="unknown",
    version=1,
    sealed=b"sealed",
    scopes=(),
    issued_at=1,
    expires_at=2,
    refresh_at=2,
)
RUN = """
import json, sys, types, app
context = types.SimpleNamespace(
    function_name="built", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="1",
    get_remaining_time_in_millis=lambda: 20_000,
)
answer = app.handler(json.load(sys.stdin), context)
print("\\n" + json.dumps(answer))
"""


def visit(path: str) -> dict[str, Any]:
    return {**visit_event(), "rawPath": path, "headers": {}}


def rescue_event(renewal: Renewal) -> dict[str, Any]:
    return {"Records": [{"messageId": "1", "eventSource": "aws:sqs", "body": to_message(renewal)}]}


JOBS: dict[str, tuple[dict[str, Any], Any]] = {
    "InstallFunction": (visit("/install"), 302),
    "CallbackFunction": (visit("/oauth-callback"), 200),
    "TokenFunction": (token_event(ACME), 200),
    "AccountsFunction": (signed_event("GET /accounts"), 200),
    "InstallLinksFunction": (signed_event("POST /install-links", body="{}"), 201),
    "DisconnectFunction": (signed_event("DELETE /accounts/{hub_id}", UNKNOWN), 404),
    "RefreshDispatcherFunction": ({}, {"queued": 0}),
    "RefreshWorkerFunction": (worker_event(ACME), None),
    "RescueFunction": (rescue_event(RENEWAL), {"batchItemFailures": []}),
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_built_function_does_its_job(
    built: Path, lambda_python: Path, twin: TwinProcess, visitor: TwinVisitor, function: str
) -> None:
    visitor.install(ACME)
    event, expected = JOBS[function]

    done = subprocess.run(
        [lambda_python, "-c", RUN],
        cwd=built,
        env=twin.environment_of(function) | {"PYTHONPATH": path_of(built, function)},
        input=json.dumps(event),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert (answer["statusCode"] if isinstance(expected, int) else answer) == expected, answer
