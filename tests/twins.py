"""Twins as processes of their own, and what people and programs do with one over HTTP."""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from hubspot_oauth.adapters.dynamodb import plain
from hubspot_oauth.adapters.refresh_queue import Batch
from hubspot_oauth.domain.account import GrantKey
from local.emulator import aws_client
from ops.template import ROOT
from simulator.visitor import decide
from tests.ports import free_port
from tests.stack import table_key

START_SECONDS = 90
STOP_SECONDS = 20
ACME, BEISPIEL = 100001, 100002
_REFUSAL = re.compile(r"<code>([a-z_]+)</code>")


class Signed(requests.auth.AuthBase):
    """Signs requests as API Gateway's IAM routes want it."""

    def __init__(self, credentials: Mapping[str, str]) -> None:
        pair = Credentials(
            credentials["aws_access_key_id"],
            credentials["aws_secret_access_key"],
            credentials.get("aws_session_token"),
        )
        self._signer = SigV4Auth(pair, "execute-api", credentials["region"])

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        signed = AWSRequest(request.method, request.url, data=request.body or b"")
        self._signer.add_auth(signed)
        request.headers.update(dict(signed.headers))
        return request


@dataclass
class Reached:
    """A running twin, seen from outside."""

    url: str
    hubspot_url: str
    aws_url: str
    state: Path

    @cached_property
    def credentials(self) -> dict[str, str]:
        return dict(json.loads((self.state / "credentials.json").read_text()))

    @cached_property
    def outputs(self) -> dict[str, str]:
        [stack] = self.aws("cloudformation").describe_stacks()["Stacks"]
        return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}

    def aws(self, service: str) -> Any:
        """A client as the emulated account's root."""
        return aws_client(self.aws_url, service)

    def function(self, name: str) -> dict[str, Any]:
        """A deployed function's configuration."""
        functions = self.aws("lambda").list_functions()["Functions"]
        [found] = [function for function in functions if f"-{name}-" in f"{function['FunctionName']}-"]
        return dict(found)

    def environment_of(self, function: str) -> dict[str, str]:
        """A deployed function's own environment, and AWS as the emulated account's root."""
        own: dict[str, str] = self.function(function)["Environment"]["Variables"]
        root = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
        return own | root | {"AWS_ENDPOINT_URL": self.aws_url}

    def call(self, path: str, method: str = "GET", **body: Any) -> requests.Response:
        """Call the API as the local user."""
        return requests.request(method, self.url + path, json=body or None, auth=Signed(self.credentials), timeout=60)

    def token(self, hub_id: int = ACME, query: str = "") -> requests.Response:
        return self.call(f"/accounts/{hub_id}/token{query}")

    def account(self, hub_id: int = ACME) -> dict[str, Any]:
        """The row as the table holds it."""
        found = self.aws("dynamodb").get_item(TableName=self.outputs["AccountsTableName"], Key=table_key(hub_id))
        return plain(found.get("Item", {}))

    def journal(self) -> dict[str, Any]:
        return dict(requests.get(f"{self.hubspot_url}/_sim/journal?limit=100000", timeout=10).json())

    def token_calls(self, grant_type: str) -> int:
        """How many token calls of this kind have reached HubSpot."""
        return sum(self.journal()["counters"]["by_grant_type"].get(grant_type, {}).values())

    def simulate(self, what: str, **document: Any) -> Any:
        answer = requests.post(f"{self.hubspot_url}/_sim/{what}", json=document, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def accepted(self, access_token: str) -> bool:
        """Whether HubSpot's data endpoint takes this token."""
        answer = requests.get(
            f"{self.hubspot_url}/account-info/v3/details",
            headers={"authorization": f"Bearer {access_token}"},
            timeout=10,
        )
        return answer.status_code == 200


@dataclass
class TwinProcess(Reached):
    """A running `python -m local`."""

    process: subprocess.Popen[str]
    output: "Output"

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


@dataclass
class Visit:
    """A person's browser without a screen: it keeps cookies, and every page it saw."""

    twin: Reached
    session: requests.Session = field(default_factory=requests.Session)
    pages: list[requests.Response] = field(default_factory=list)

    def open(self, url: str) -> requests.Response:
        answer = self.session.get(url, allow_redirects=False, timeout=60)
        self.pages.append(answer)
        return answer

    def start(self, **query: object) -> requests.Response:
        return self.open(f"{self.twin.url}/install" + (f"?{urlencode(query)}" if query else ""))

    def consent(self, at_hubspot: str, hub_id: int = ACME, decision: str = "allow") -> str:
        return decide(at_hubspot, hub_id, decision)

    def install(self, hub_id: int = ACME, **query: object) -> requests.Response:
        """The straight path, to the page at its end."""
        return self.land(self.consent(self.start(**query).headers["location"], hub_id))

    def land(self, url: str) -> requests.Response:
        """Open the address HubSpot sends to and follow the twin's own redirects."""
        answer = self.open(url)
        while answer.is_redirect and answer.headers["location"].startswith(("/", self.twin.url)):
            answer = self.open(requests.compat.urljoin(url, answer.headers["location"]))
        return answer


def warm(twin: Reached, function: str, event: Mapping[str, Any], workers: int) -> None:
    """Start so many workers of a function, past the API, whose patience many cold starts at once may outlast."""
    client, name = twin.aws("lambda"), twin.function(function)["FunctionName"]
    with ThreadPoolExecutor(workers) as pool:
        answers = pool.map(
            lambda _: client.invoke(FunctionName=name, Payload=json.dumps(event).encode()), range(workers)
        )
        assert not any("FunctionError" in answer for answer in answers)


def visit_event(**query: str) -> dict[str, Any]:
    """API Gateway's event for a browser's visit."""
    return {"rawQueryString": urlencode(query), "cookies": [], "requestContext": {"domainName": "localhost"}}


def token_event(hub_id: int) -> dict[str, Any]:
    """API Gateway's event for a caller who asks for a token."""
    return {"pathParameters": {"hub_id": str(hub_id)}, **visit_event()}


def due(*hub_ids: int) -> dict[str, Any]:
    """The refresh worker's event for these accounts, as the dispatcher's message becomes one."""
    batch = Batch(tuple(map(GrantKey, hub_ids)), watched=False, queued_at=time.time(), tick="a test")
    return {"Records": [{"body": batch.body()}]}


def refusal_of(page: requests.Response) -> str | None:
    """The refusal's code on a page, or None."""
    found = _REFUSAL.search(page.text)
    return found[1] if found else None


class Output:
    """What a process prints, read as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._lines: queue.Queue[str] = queue.Queue()
        self.seen: list[str] = []
        self._thread = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._thread.start()

    def text(self) -> str:
        """Everything it printed until its end."""
        self._thread.join(STOP_SECONDS)
        return "".join(self.seen)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        with process.stdout as lines:
            self.seen.extend(iter(lines.readline, ""))


def spawn(
    state: Path,
    *flags: str,
    port: int | None = None,
    other_hubspot: str | None = None,
    environment: Mapping[str, str] | None = None,
    subcommand: str | None = None,
) -> TwinProcess:
    """Start a twin on free ports without waiting for it; with another HubSpot's URL, without its own simulator."""
    port, aws, hubspot = port or free_port(), free_port(), free_port()
    hubspot_flags = (
        []
        if subcommand
        else ["--hubspot-api-url", other_hubspot, "--hubspot-app-url", other_hubspot]
        if other_hubspot
        else ["--hubspot-port", str(hubspot)]
    )
    ports = ["--port", str(port), "--aws-port", str(aws), *hubspot_flags]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "local",
            *([subcommand] if subcommand else []),
            *ports,
            "--state-dir",
            str(state),
            *flags,
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return TwinProcess(
        f"http://localhost:{port}",
        other_hubspot or f"http://localhost:{hubspot}",
        f"http://127.0.0.1:{aws}",
        state,
        process,
        Output(process),
    )


@contextmanager
def running(state: Path, *flags: str, **wanted: Any) -> Iterator[TwinProcess]:
    """A twin that is ready; stopped at the end. `wanted` as for `spawn`."""
    twin = spawn(state, *flags, **wanted)
    try:
        await_ready(twin)
        yield twin
    finally:
        if twin.process.poll() is None:
            twin.stop()


def await_ready(twin: TwinProcess) -> None:
    def ready() -> bool:
        assert twin.process.poll() is None, twin.output.text()
        try:
            return requests.get(f"{twin.url}/healthz", timeout=5).status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            return False

    eventually(ready, START_SECONDS)


def eventually(condition: Callable[[], Any], seconds: float = 60, every: float = 0.05) -> Any:
    """Wait until the condition holds; its value. An AssertionError when it never does."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"never happened within {seconds} s"
        time.sleep(every)
    return value
