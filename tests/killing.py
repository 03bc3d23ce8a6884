"""A fleet of accounts on a twin whose refresh workers are killed at random, and readers who ask all the while.

The accounts are stored as an install stores them, by the product's own code, and due one after another, as though they
had been installed over a day. SIGKILL takes a worker with whatever it has under way: up to eight leases at once.
"""

import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from hubspot_oauth.adapters.account_rows import account_from
from hubspot_oauth.adapters.dynamodb import plain
from hubspot_oauth.domain import deadlines, timing
from hubspot_oauth.domain.account import Account, Binding, GrantKey, NewInstall, Status
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.tokens import Tokens
from hubspot_oauth.product import Product
from simulator.configuration import DEFAULT_CLIENT_ID
from simulator.control import FIRST_HUB_ID
from tests import twins
from tests.lifetimes import scanned
from tests.stack import ENVIRONMENT
from tests.twins import TwinProcess, eventually

LIFETIME = 120
MARGIN_PERCENT = 33  # the template's default
INTERVAL = int(LIFETIME * (1 - MARGIN_PERCENT / 100 - timing.JITTER_SHARE / 2))
SCHEDULE_SECONDS = 2
WATCHED = 20  # asked for as often as all others together, so that no gap of theirs goes unseen
READERS = 6
READ_EVERY = 0.25  # of each reader
ASK_AGAIN = 0.5  # a reader who got no token
COMMIT_SECONDS = 2  # longer than it takes to store what HubSpot has answered
GRACE = 5  # seconds an account may be due or held before it counts as stale
HELD = "attribute_exists(lease_owner)"
LOOK_EVERY = 8  # for leases nobody holds any more: each is there for LEASE_SECONDS
HELD_TOO_LONG = 12  # longer than any living holder here, who waits for HubSpot for hubspot_latency


@dataclass(frozen=True, slots=True)
class Plan:
    """How many accounts, for how long, with which throws of the dice; kills come every `kill_every` s on average.

    Where they are few, most could meet a worker that is only starting: with ``aimed`` every other kill waits until a
    refresh is under way, for a while, and takes all workers. A run whose kills hit too little is repeated with as many
    more accounts, ``waves`` times in all.
    """

    accounts: int
    seconds: float
    seed: int
    kill_every: float = 1.5
    hubspot_latency: float = 0.25  # seconds
    aimed: bool = False
    waves: int = 1


@dataclass
class Run:
    """What a run came to."""

    plan: Plan
    hub_ids: list[int] = field(default_factory=list)
    rows: list[Account] = field(default_factory=list)
    stale: list[Account] = field(default_factory=list)  # a lifetime after the last kill; not one, if all goes well
    never_served: list[int] = field(default_factory=list)  # refused by then, and not served since
    unaccepted: list[int] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)  # refreshes that HubSpot answered, by hub_id
    answers_lost: int = 0  # answers of HubSpot that nobody stored: the process died, or another was first
    kills: int = 0  # at one moment, of one worker or of all
    seconds: float = 0  # from the first account stored to the last look
    looked_at: float = 0  # when the rows were read
    settled_after: float = 0  # the last kill of a wave; the longest
    orphans: set[str] = field(default_factory=set)  # owners of leases whose holder vanished
    taken_over_twice: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)  # from a reader's first refusal to the next live token

    @property
    def refreshes(self) -> int:
        return sum(row.version - 1 for row in self.rows)

    @property
    def hit(self) -> bool:
        """Whether enough was killed, and refreshes under way with it."""
        enough = self.kills > self.plan.seconds / self.plan.kill_every / 3
        return enough and bool(self.orphans) and self.answers_lost > 0

    @property
    def longest_gap(self) -> float:
        return max(self.gaps, default=0.0)

    def summary(self) -> str:
        cuts = statistics.quantiles(self.latencies, n=100)
        lines = {
            "seed": self.plan.seed,
            "accounts": len(self.rows),
            "seconds": f"{self.seconds:.0f}",
            "kills": self.kills,
            "refreshes stored": self.refreshes,
            "answers of HubSpot that died with a worker": self.answers_lost,
            "leases orphaned": len(self.orphans),
            "of these on an account orphaned before": self.taken_over_twice,
            "all fresh after the last kill": f"{self.settled_after:.1f} s",
            "reads": self.statuses.total(),
            "reads without a live token": self.statuses.total() - self.statuses[200],
            "longest gap of a reader": f"{self.longest_gap:.1f} s",
            "reader latency p50 / p99": f"{cuts[49] * 1000:.0f} / {cuts[98] * 1000:.0f} ms",
        }
        return "\n".join(f"{name:<44}{value:>10}" for name, value in lines.items())


def run(plan: Plan, state: Path) -> Run:
    flags = ["--schedule-seconds", str(SCHEDULE_SECONDS), "--token-lifetime", str(LIFETIME)]
    with twins.running(state, *flags) as twin:
        twin.simulate("settings", latency=plan.hubspot_latency)
        started = time.monotonic()
        run = Run(plan)
        store_fleet(twin, run)
        readers, killer, looker = Readers(twin, run), Killer(twin, run), Looker(twin, run)
        with going_on(looker.look, every=lambda: LOOK_EVERY), readers.reading():
            wave(twin, run, killer)
            while not run.hit and len(run.hub_ids) < plan.waves * plan.accounts:
                store_fleet(twin, run)
                wave(twin, run, killer)
        run.seconds = time.monotonic() - started
        twin.simulate("settings", latency=0)
        verify(twin, run)
    return run


def wave(twin: TwinProcess, run: Run, killer: "Killer") -> None:
    """Kill for the plan's time, then let everything settle and count."""
    with going_on(killer.kill, every=killer.pause):
        time.sleep(run.plan.seconds)
    killed_at = time.time()
    run.stale += left_stale(twin, killed_at)
    run.settled_after = max(run.settled_after, time.time() - killed_at)
    count(twin, run)


def store_fleet(twin: TwinProcess, run: Run) -> None:
    """Accounts as an install stores them, due one after another for as long as it takes a token to become due."""
    wanted = {"count": run.plan.accounts, "first_hub_id": FIRST_HUB_ID + len(run.hub_ids)}
    grants = requests.post(f"{twin.hubspot_url}/_sim/grants", json=wanted, timeout=60)
    minted = [json.loads(line) for line in grants.text.splitlines()]
    product = product_of(twin)
    sealer = product.vault.sealer()
    now = int(time.time())
    spread = min(run.plan.seconds, INTERVAL)

    def store(number: int) -> int:
        grant = minted[number]
        key, install_id = GrantKey(int(grant["hub_id"])), f"soak-{grant['hub_id']}"
        tokens = Tokens(grant["access_token"], grant["refresh_token"])
        new = NewInstall(
            key=key,
            install_id=install_id,
            sealed=sealer.seal(tokens, key, install_id),
            scopes=tuple(grant["scopes"]),
            issued_at=now,
            expires_at=now + grant["expires_in"],
            refresh_at=now + int(spread * number / len(minted)),
            binding=Binding.BOUND,
            exchanged_at_ms=now * 1000,
        )
        product.accounts.install(new, now)
        return key.hub_id

    with ThreadPoolExecutor(8) as pool:
        run.hub_ids += pool.map(store, range(len(minted)))


def product_of(twin: TwinProcess) -> Product:
    """The product in this process, on the twin's tables and key."""
    deployed = {"ACCOUNTS_TABLE": twin.outputs["AccountsTableName"], "KMS_KEY_ID": twin.outputs["TokensKeyArn"]}
    settings = Settings.from_env({**ENVIRONMENT, **deployed, "HUBSPOT_CLIENT_ID": DEFAULT_CLIENT_ID})
    return Product(settings, client=lambda service, **_: twin.aws(service))


@contextmanager
def going_on(work: Callable[[], None], every: Callable[[], float]) -> Iterator[None]:
    """Do the work again and again in the background while the block lasts; what it raises is raised at the end."""
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(every()):
            work()

    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(go_on)
        try:
            yield
        finally:
            ended.set()
        going.result()


class Killer:
    """Ends one of the refresh workers' processes at random moments, busy or idle; or all of them, see `Plan.aimed`."""

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
        """Whether someone waits for HubSpot right now; a lease left behind looks the same but for its age."""
        return any(held_for(row) < self._run.plan.hubspot_latency for row in fleet(self._twin, HELD))


def workers_of(twin: TwinProcess, function: str = "RefreshWorkerFunction") -> list[int]:
    """The processes that run a function of this twin: the emulation starts each from a folder named after it."""
    ps = shutil.which("ps")
    assert ps, "ps is needed"
    listed = subprocess.run([ps, "-Awwo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    lines = [line.split(maxsplit=1) for line in listed.splitlines()]
    return sorted(int(pid) for pid, args in lines if str(twin.state) in args and f"-{function}-" in args)


class Looker:
    """Looks often enough at the leases in the table to meet each that its holder left behind."""

    def __init__(self, twin: TwinProcess, run: Run) -> None:
        self._twin = twin
        self._run = run

    def look(self) -> None:
        for row in fleet(self._twin, HELD):
            assert row.lease_owner
            if held_for(row) > HELD_TOO_LONG and row.lease_owner not in self._run.orphans:
                self._run.orphans.add(row.lease_owner)
                self._run.taken_over_twice += row.orphaned_since is not None


class Readers:
    """Several programs that ask for tokens: half of the questions are about a few accounts, half about any.

    An account that was refused is asked for again soon, so that its gap is measured to its end.
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
        """Read while the block lasts, and then until everyone who was refused has a token."""
        with going_on_in_threads(self._ask, READERS, READ_EVERY):
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


@contextmanager
def going_on_in_threads(work: Callable[[], None], threads: int, pause: float) -> Iterator[None]:
    if threads:
        with going_on(work, every=lambda: pause), going_on_in_threads(work, threads - 1, pause):
            yield
    else:
        yield


def fleet(twin: TwinProcess, condition: str = "attribute_exists(hub_id)") -> list[Account]:
    """The accounts of the table for which the condition holds."""
    items = scanned(twin.aws("dynamodb"), twin.outputs["AccountsTableName"], FilterExpression=condition)
    return [account_from(plain(item)) for item in items]


def held_for(row: Account) -> float:
    """Seconds since its lease was taken; 0 without one."""
    return deadlines.LEASE_SECONDS - (row.lease_until - time.time()) if row.lease_until is not None else 0


def left_stale(twin: TwinProcess, since: float) -> list[Account]:
    """Wait until no account is overdue, expired, or held by someone who is no more; those that still are at the end.

    A lease taken right before the last kill looks alive for a moment, so nothing counts before that moment is over.
    """
    while True:
        now = time.time()
        rows = [row for row in fleet(twin) if stale(row, now)]
        if now - since > LIFETIME or (now - since > GRACE and not rows):
            return rows
        time.sleep(1)


def stale(row: Account, now: float) -> bool:
    due_for = now - row.refresh_at if row.refresh_at is not None else float("inf")
    return row.status is not Status.ACTIVE or row.expires_at <= now or due_for > GRACE or held_for(row) > GRACE


def count(twin: TwinProcess, run: Run) -> None:
    """Compare what is stored with what HubSpot answered."""
    answered = answers_of(twin)
    time.sleep(COMMIT_SECONDS)
    run.looked_at = time.time()
    run.rows = fleet(twin)
    run.answers_lost = sum(max(0, answered[row.hub_id] - (row.version - 1)) for row in run.rows)
    run.answers = answers_of(twin)


def answers_of(twin: TwinProcess) -> Counter[int]:
    counted: dict[str, dict[str, Any]] = twin.journal()["counters"]["by_hub_id"]
    return Counter({int(hub_id): kinds.get("refresh_token:ok", 0) for hub_id, kinds in counted.items()})


def verify(twin: TwinProcess, run: Run) -> None:
    """Look at every account once more, and ask HubSpot about the token that is stored at that moment."""
    product = product_of(twin)

    def accepted(row: Account) -> bool:
        now = product.accounts.get(row.key)
        return now is not None and twin.accepted(product.vault.unseal(now).access_token)

    with ThreadPoolExecutor(4) as pool:
        run.unaccepted = [
            row.hub_id for row, yes in zip(run.rows, pool.map(accepted, run.rows), strict=True) if not yes
        ]
