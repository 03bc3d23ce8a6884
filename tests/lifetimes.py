"""Two twins that live side by side for five lifetimes of a token while a reader asks all the time.

One has its own simulator; the other is pointed at another HubSpot, whose refresh tokens rotate.
"""

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from simulator import SimulatorSettings, serve
from simulator.configuration import DEFAULT_CLIENT_SECRET
from tests import twins
from tests.ports import free_port
from tests.recording import RecordingSimulator
from tests.twins import TwinProcess, Visit, due, warm

LIFETIME = 20
LIFETIMES = 5
READ_EVERY = 0.2
OTHER_SECRET = "the-other-hubspots-client-secret-2b8f"
#: What a function wrote: JSON lines, below the emulation's line that names it.
OUTPUT = re.compile(r"Lambda \S*?-(\w+?)Function-\w+ output:\n((?:\{.*\n)*)")
OTHER_CLIENT_ID = "0ther000-0000-4000-8000-00000000c0de"


@dataclass
class Run:
    """What a run came to."""

    reads: list[tuple[int, bool]] = field(default_factory=list)  # status, accepted by HubSpot
    refreshes: int = 0
    refreshed_by: set[str] = field(default_factory=set)
    rotated: bool = False
    secrets: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)


@contextmanager
def started(folder: Path) -> Iterator[Mapping[str, Future[Run]]]:
    """Both runs, going on in the background; leaving the block early ends them early."""
    ended = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        try:
            yield {
                "own simulator": pool.submit(run_with_own_simulator, folder / "own", ended),
                "another HubSpot": pool.submit(run_with_another_hubspot, folder / "other", ended),
            }
        finally:
            ended.set()


def run_with_own_simulator(state: Path, ended: threading.Event) -> Run:
    flags = ["--schedule-seconds", "1", "--token-lifetime", str(LIFETIME)]
    with twins.running(state, *flags) as twin:
        run = lived_through(twin, ended)
        run.secrets["client secret"] = DEFAULT_CLIENT_SECRET
        return run


def run_with_another_hubspot(state: Path, ended: threading.Event) -> Run:
    port = free_port()
    other = RecordingSimulator(
        SimulatorSettings(
            client_id=OTHER_CLIENT_ID,
            client_secret=OTHER_SECRET,
            redirect_urls=(f"http://localhost:{port}/oauth-callback",),
            required_scopes=("oauth",),
            token_lifetime=LIFETIME,
            rotate_refresh_tokens=True,
        )
    )
    with serve(simulator=other) as hubspot:
        flags = ["--schedule-seconds", "1", "--client-id", OTHER_CLIENT_ID]
        environment = {"HUBSPOT_CLIENT_SECRET": OTHER_SECRET}
        with twins.running(state, *flags, port=port, other_hubspot=hubspot.url, environment=environment) as twin:
            run = lived_through(twin, ended)
    run.secrets |= {f"made by HubSpot, {number}": secret for number, secret in enumerate(other.made)}
    run.secrets["client secret"] = OTHER_SECRET
    return run


def lived_through(twin: TwinProcess, ended: threading.Event) -> Run:
    run = Run()
    warm(twin, "RefreshWorkerFunction", due(), 1)  # a cold start may take longer than a reader waits for the schedule
    visit = Visit(twin)
    callback = visit.consent(visit.start().headers["location"])
    visit.land(callback)
    query = parse_qs(urlsplit(callback).query)
    run.secrets |= {"code": query["code"][0], "state": query["state"][0]}
    run.secrets |= {f"cookie {cookie.name}": cookie.value or "" for cookie in visit.session.cookies}
    read_for(twin, LIFETIME * LIFETIMES, run, ended)
    visit.open(callback)  # a reload long after
    visit.open(f"{twin.url}/")
    visit.open(f"{twin.url}/_console/state")
    visit.open(f"{twin.url}/install?hub_id=wrong")
    visit.open(f"{twin.url}/oauth-callback?error=access_denied&state={query['state'][0]}")
    journal = twin.journal()
    run.refreshes = journal["counters"]["by_grant_type"]["refresh_token"]["ok"]
    used = [e["fingerprints"]["refresh_token"] for e in journal["entries"] if e["grant_type"] == "refresh_token"]
    run.rotated = len(set(used)) == len(used)
    log = (twin.state / "emulator.log").read_text(errors="replace")
    run.refreshed_by = {function for function, output in OUTPUT.findall(log) if '"Refreshed' in output}
    run.places = {
        "tables": tables_of(twin),
        "log events": log_events_of(twin),
        "emulator log": log,
        "output": "".join(twin.output.seen),
        "pages": "\n".join(page.text for page in visit.pages),
    }
    return run


def read_for(twin: TwinProcess, seconds: float, run: Run, ended: threading.Event) -> None:
    """Ask for a token every 200 ms; HubSpot judges each. A slow answer delays nobody else's question."""
    lock = threading.Lock()

    def read() -> None:
        answer = twin.token()
        token = answer.json().get("access_token", "")
        accepted = answer.ok and twin.accepted(token)
        with lock:
            run.reads.append((answer.status_code, accepted))
            if token:
                run.secrets[f"access token {token[:8]}"] = token

    with ThreadPoolExecutor(4) as pool:
        end = time.monotonic() + seconds
        pending = []
        while time.monotonic() < end and not ended.is_set():
            pending.append(pool.submit(read))
            time.sleep(READ_EVERY)
        for future in pending:
            future.result()


def tables_of(twin: TwinProcess) -> str:
    """Every item of every table as text, binary values as they are and as base64 wherever they hold text."""
    dynamodb = twin.aws("dynamodb")
    items = [item for name in dynamodb.list_tables()["TableNames"] for item in scanned(dynamodb, name)]
    assert items
    return json.dumps(items, default=lambda value: value.decode("latin-1"))


def scanned(dynamodb: Any, table: str, **wanted: Any) -> Iterator[dict[str, Any]]:
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, **wanted):
        yield from page["Items"]


def log_events_of(twin: TwinProcess) -> str:
    logs = twin.aws("logs")
    messages = []
    for group in logs.describe_log_groups()["logGroups"]:
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
            messages += [event["message"] for event in page["events"]]
    return "\n".join(messages)
