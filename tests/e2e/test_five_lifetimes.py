"""An account stays connected for five lifetimes of its token, and nothing secret shows anywhere meanwhile.

Two twins run side by side: one with its own simulator, one pointed at another HubSpot whose refresh tokens rotate.
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from local.hubspot import SimulatorSettings, serve
from local.hubspot.settings import DEFAULT_CLIENT_SECRET
from local.ports import free_port
from tests import twins
from tests.leaks import leaks
from tests.recording import RecordingSimulator
from tests.twins import TwinProcess, Visit

LIFETIME = 20
LIFETIMES = 5
READ_EVERY = 0.2
OTHER_SECRET = "the-other-hubspots-client-secret-2b8f"
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


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """Both runs, at the same time."""
    folder = tmp_path_factory.mktemp("lifetimes")
    with ThreadPoolExecutor(2) as pool:
        waiting = {
            "own simulator": pool.submit(run_with_own_simulator, folder / "own"),
            "another HubSpot": pool.submit(run_with_another_hubspot, folder / "other"),
        }
        return {name: future.result() for name, future in waiting.items()}


@pytest.fixture(params=["own simulator", "another HubSpot"])
def run(request: pytest.FixtureRequest, runs: dict[str, Run]) -> Run:
    return runs[request.param]


def test_a_reader_always_gets_a_token_that_hubspot_accepts(run: Run) -> None:
    assert len(run.reads) > LIFETIME * LIFETIMES / READ_EVERY * 0.5
    assert set(run.reads) == {(200, True)}


def test_the_schedule_refreshes_and_the_reader_never_does(run: Run) -> None:
    assert LIFETIMES <= run.refreshes <= 3 * LIFETIMES
    assert run.refreshed_by == {"RefreshWorker"}


def test_the_refresh_token_rotated_only_where_it_should(runs: dict[str, Run]) -> None:
    assert not runs["own simulator"].rotated
    assert runs["another HubSpot"].rotated


def test_tables_logs_and_pages_hold_nothing_secret(run: Run) -> None:
    assert all(run.places.values())
    assert len(run.secrets) > LIFETIMES
    assert leaks(run.places, run.secrets) == []


@pytest.mark.parametrize("place", ["tables", "log events", "emulator log", "output", "pages"])
def test_a_secret_planted_in_any_place_is_found(run: Run, place: str) -> None:
    name, secret = next(iter(run.secrets.items()))

    planted = run.places | {place: run.places[place] + f'"{secret[:20]}"'}

    assert leaks(planted, {name: secret}) == [f"{place}: {name} (first characters)"]


def run_with_own_simulator(state: Path) -> Run:
    flags = ["--schedule-seconds", "1", "--token-lifetime", str(LIFETIME)]
    with twins.running(state, *flags) as twin:
        run = lived_through(twin)
        run.secrets["client secret"] = DEFAULT_CLIENT_SECRET
        return run


def run_with_another_hubspot(state: Path) -> Run:
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
            run = lived_through(twin)
    run.secrets |= {f"made by HubSpot, {number}": secret for number, secret in enumerate(other.made)}
    run.secrets["client secret"] = OTHER_SECRET
    return run


def lived_through(twin: TwinProcess) -> Run:
    run = Run()
    visit = Visit(twin)
    callback = visit.consent(visit.start().headers["location"])
    visit.land(callback)
    query = parse_qs(urlsplit(callback).query)
    run.secrets |= {"code": query["code"][0], "state": query["state"][0]}
    run.secrets |= {f"cookie {cookie.name}": cookie.value or "" for cookie in visit.session.cookies}
    read_for(twin, LIFETIME * LIFETIMES, run)
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
    run.refreshed_by = set(re.findall(r"Lambda \S*?-(\w+?)Function-\w+ output:\n[^\n]*?\"Refreshed\"", log))
    run.places = {
        "tables": tables_of(twin),
        "log events": log_events_of(twin),
        "emulator log": log,
        "output": "".join(twin.output.seen),
        "pages": "\n".join(page.text for page in visit.pages),
    }
    return run


def read_for(twin: TwinProcess, seconds: float, run: Run) -> None:
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
        while time.monotonic() < end:
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


def scanned(dynamodb: Any, table: str) -> Iterator[dict[str, Any]]:
    for page in dynamodb.get_paginator("scan").paginate(TableName=table):
        yield from page["Items"]


def log_events_of(twin: TwinProcess) -> str:
    logs = twin.aws("logs")
    messages = []
    for group in logs.describe_log_groups()["logGroups"]:
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
            messages += [event["message"] for event in page["events"]]
    return "\n".join(messages)
