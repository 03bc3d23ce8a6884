"""Two twins that run side by side for five lifetimes of a token while a reader keeps asking.

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

from simulator import SimulatorSettings, serve
from simulator.configuration import DEFAULT_CLIENT_SECRET
from tests.support import twin_process
from tests.support.browser_reading import query_of
from tests.support.free_ports import free_port
from tests.support.lambda_events import worker_event
from tests.support.recording_simulator import RecordingSimulator
from tests.support.twin_client import warm
from tests.support.twin_process import TwinProcess
from tests.support.twin_visitor import TwinVisitor

LIFETIME = 20
LIFETIMES = 5
READ_EVERY = 0.2
OTHER_SECRET = "the-other-hubspots-client-secret-2b8f"
#: What a function wrote: JSON lines below the emulator's line that names the function.
OUTPUT = re.compile(r"Lambda \S*?-(\w+?)Function-\w+ output:\n((?:\{.*\n)*)")
OTHER_CLIENT_ID = "0ther000-0000-4000-8000-00000000c0de"


@dataclass
class Run:
    """What a run came to: what its reader got, who refreshed, and where a secret may have leaked to.

    ``secrets`` and ``places`` are text by name.
    """

    reads: list[tuple[int, bool]] = field(default_factory=list)  # status, accepted by HubSpot
    refreshes: int = 0
    refreshed_by: set[str] = field(default_factory=set)
    rotated: bool = False
    secrets: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)


@contextmanager
def running_lifetimes(folder: Path) -> Iterator[Mapping[str, Future[Run]]]:
    """Start both runs in the background; leaving the block early ends them early."""
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
    with twin_process.running(state, *flags) as twin:
        run = live_through(twin, ended)
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
        with twin_process.running(state, *flags, port=port, other_hubspot=hubspot.url, environment=environment) as twin:
            run = live_through(twin, ended)
    run.secrets |= {f"issued by HubSpot, {number}": secret for number, secret in enumerate(other.issued)}
    run.secrets["client secret"] = OTHER_SECRET
    return run


def live_through(twin: TwinProcess, ended: threading.Event) -> Run:
    run = Run()
    warm(
        twin, "RefreshWorkerFunction", worker_event(), 1
    )  # a cold start may take longer than a reader waits for the schedule
    visitor = TwinVisitor(twin)
    callback = visitor.callback_url()
    visitor.land(callback)
    query = query_of(callback)
    run.secrets |= {"code": query["code"], "state": query["state"]}
    run.secrets |= {f"cookie {cookie.name}": cookie.value or "" for cookie in visitor.session.cookies}
    read_for(twin, LIFETIME * LIFETIMES, run, ended)
    visitor.open(callback)  # a reload long after
    visitor.open(f"{twin.url}/")
    visitor.open(f"{twin.url}/_console/state")
    visitor.open(f"{twin.url}/install?hub_id=wrong")
    visitor.open(f"{twin.url}/oauth-callback?error=access_denied&state={query['state']}")
    journal = twin.journal()
    run.refreshes = journal["counters"]["by_grant_type"]["refresh_token"]["ok"]
    used = [e["fingerprints"]["refresh_token"] for e in journal["entries"] if e["grant_type"] == "refresh_token"]
    run.rotated = len(set(used)) == len(used)
    log = twin.log()
    run.refreshed_by = {function for function, output in OUTPUT.findall(log) if '"Refreshed' in output}
    run.places = {
        "tables": tables_of(twin),
        "log events": twin.log_events(),
        "emulator log": log,
        "output": twin.output.so_far(),
        "pages": "\n".join(page.text for page in visitor.pages),
    }
    return run


def read_for(twin: TwinProcess, seconds: float, run: Run, ended: threading.Event) -> None:
    """Ask for a token every 200 ms and HubSpot whether it takes it; a slow answer does not delay the next question."""
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
    """Every item of every table as text; binary values byte for byte, so that plain text in them shows."""
    tables = twin.aws("dynamodb").list_tables()["TableNames"]
    items = [item for table in tables for item in twin.items(table)]
    assert items
    return json.dumps(items, default=lambda value: value.decode("latin-1"))
