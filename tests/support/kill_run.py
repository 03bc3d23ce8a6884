"""A run of random kills: a twin whose refresh workers are killed with SIGKILL while readers keep asking.

The accounts are stored as an install stores them, by the product's own code, and become due one after another, as if
they had been installed over a day. SIGKILL takes a worker with all it has under way: up to eight leases at once.
"""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hubspot_oauth.domain.account import Account
from tests.support import twin_process
from tests.support.background import repeated
from tests.support.kill_actors import SCHEDULE_SECONDS, Killer, OrphanWatch, Readers
from tests.support.kill_fleet import LIFETIME, left_stale, store_fleet
from tests.support.kill_plan import Plan, Run
from tests.support.twin_accounts import accounts_of, product_of
from tests.support.twin_process import TwinProcess

COMMIT_SECONDS = 2  # longer than it takes to store what HubSpot has answered
LOOK_EVERY = 8  # seconds between two looks for orphaned leases; each stays for LEASE_SECONDS


def run(plan: Plan, state: Path) -> Run:
    flags = ["--schedule-seconds", str(SCHEDULE_SECONDS), "--token-lifetime", str(LIFETIME)]
    with twin_process.running(state, *flags) as twin:
        twin.simulate("settings", latency=plan.hubspot_latency)
        started = time.monotonic()
        run = Run(plan)
        store_fleet(twin, run)
        readers, killer, orphans = Readers(twin, run), Killer(twin, run), OrphanWatch(twin, run)
        with repeated(orphans.look, pause=lambda: LOOK_EVERY), readers.reading():
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
    with repeated(killer.kill, pause=killer.pause):
        time.sleep(run.plan.seconds)
    killed_at = time.time()
    run.stale += left_stale(twin, killed_at)
    run.settled_after = max(run.settled_after, time.time() - killed_at)
    count(twin, run)


def count(twin: TwinProcess, run: Run) -> None:
    """Compare what is stored with what HubSpot answered."""
    answered = answers_of(twin)
    time.sleep(COMMIT_SECONDS)
    run.looked_at = time.time()
    run.rows = accounts_of(twin)
    run.answers_lost = sum(max(0, answered[row.hub_id] - (row.version - 1)) for row in run.rows)
    run.answers = answers_of(twin)


def answers_of(twin: TwinProcess) -> Counter[int]:
    counted: dict[str, dict[str, Any]] = twin.journal()["counters"]["by_hub_id"]
    return Counter({int(hub_id): kinds.get("refresh_token:ok", 0) for hub_id, kinds in counted.items()})


def verify(twin: TwinProcess, run: Run) -> None:
    """Ask HubSpot about every account's token, as it is stored at that moment."""
    product = product_of(twin)

    def accepted(row: Account) -> bool:
        now = product.accounts.get(row.key)
        return now is not None and twin.accepted(product.vault.unseal(now).access_token)

    with ThreadPoolExecutor(4) as pool:
        run.unaccepted = [
            row.hub_id for row, yes in zip(run.rows, pool.map(accepted, run.rows), strict=True) if not yes
        ]
