"""Who acts in a run of random kills: one kills, one looks for orphaned leases, and several ask for tokens."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.support.background import repeated
from tests.support.kill_fleet import LEASED, LIFETIME, leased_for
from tests.support.kill_plan import Run
from tests.support.twin_accounts import accounts_of
from tests.support.twin_process import TwinProcess
from tests.support.waiting import eventually

SCHEDULE_SECONDS = 2
WATCHED = 20  # these few accounts get half of all reads, so that each of their gaps is seen
READERS = 6
READ_EVERY = 0.25  # seconds, of each reader
ASK_AGAIN = 0.5  # seconds, for an account that was refused
LEASED_TOO_LONG = 12  # seconds; a living owner only waits for HubSpot, and hubspot_latency is far less


class Killer:
    """Kills one of the refresh workers at random moments, busy or idle; or all of them, see `Plan.aimed`."""

    def __init__(self, twin: TwinProcess, run: Run) -> None:
        self._twin = twin
        self._run = run
        self._dice = random.Random(run.plan.seed)
        self._times = 0

    def pause(self) -> float:
        return self._dice.expovariate(1 / self._run.plan.kill_every)

    def kill(self) -> None:
        self._times += 1
        aimed = self._run.plan.aimed and self._times % 2 == 0
        if aimed:
            with suppress(AssertionError):
                eventually(self._busy, 2 * SCHEDULE_SECONDS)
        processes = workers_of(self._twin)
        for process in processes if aimed else self._dice.sample(processes, min(1, len(processes))):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._run.kills += bool(processes)

    def _busy(self) -> bool:
        """Whether a worker waits for HubSpot right now; an orphaned lease looks the same but for its age."""
        return any(leased_for(row) < self._run.plan.hubspot_latency for row in accounts_of(self._twin, LEASED))


def workers_of(twin: TwinProcess, function: str = "RefreshWorkerFunction") -> list[int]:
    """The processes that run a function of this twin: the emulator starts each from a folder named after it."""
    return sorted(pid for pid, args in twin.processes() if f"-{function}-" in args)


class OrphanWatch:
    """Looks at the leases in the table often enough to see each that is orphaned."""

    def __init__(self, twin: TwinProcess, run: Run) -> None:
        self._twin = twin
        self._run = run

    def look(self) -> None:
        for row in accounts_of(self._twin, LEASED):
            assert row.lease_owner
            if leased_for(row) > LEASED_TOO_LONG and row.lease_owner not in self._run.orphaned:
                self._run.orphaned.add(row.lease_owner)
                self._run.orphaned_again += row.orphaned_since is not None


class Readers:
    """Several programs that ask for tokens: half of the reads are of a few accounts, half of any.

    A refused account is asked for again soon, so that its gap is measured to its end.
    """

    def __init__(self, twin: TwinProcess, run: Run) -> None:
        self._twin = twin
        self._run = run
        self._dice = random.Random(run.plan.seed + 1)
        self._watched = self._dice.sample(run.hub_ids, WATCHED)
        self._lock = threading.Lock()
        self._refused: dict[int, tuple[float, float]] = {}  # hub_id: first refused at, last asked at

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read while the block lasts, and then until every refused account has given a token."""
        with repeated(self._ask, lambda: READ_EVERY, READERS):
            yield
            deadline = time.monotonic() + LIFETIME
            while self._refused and time.monotonic() < deadline:
                time.sleep(ASK_AGAIN)
        self._run.never_served = list(self._refused)

    def _ask(self) -> None:
        hub_id = self._next()
        asked_at = time.monotonic()
        answer = self._twin.token(hub_id)
        latency = time.monotonic() - asked_at
        live = answer.ok and self._twin.accepted(answer.json()["access_token"])
        with self._lock:
            self._run.latencies.append(latency)
            self._run.statuses[answer.status_code if live or not answer.ok else 0] += 1
            if live and (refused := self._refused.pop(hub_id, None)):
                self._run.gaps.append(time.monotonic() - refused[0])
            elif not live:
                first, _ = self._refused.get(hub_id, (asked_at, 0.0))
                self._refused[hub_id] = first, time.monotonic()

    def _next(self) -> int:
        with self._lock:
            now = time.monotonic()
            for hub_id, (first, last) in self._refused.items():
                if now - last > ASK_AGAIN:
                    self._refused[hub_id] = first, now
                    return hub_id
            return self._dice.choice(self._watched if self._dice.random() < 0.5 else self._run.hub_ids)
