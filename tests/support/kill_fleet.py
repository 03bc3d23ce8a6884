"""The accounts of a run of random kills, and which of them are not fresh."""

import time

from hubspot_oauth.domain import call_timeouts, refresh_timing
from hubspot_oauth.domain.account import Account, Status
from simulator.control import FIRST_HUB_ID
from tests.support.kill_plan import Run
from tests.support.twin_accounts import accounts_of, store_accounts
from tests.support.twin_client import TwinClient

LIFETIME = 120  # seconds of a token
MARGIN_PERCENT = 33  # the template's default
INTERVAL = int(LIFETIME * (1 - MARGIN_PERCENT / 100 - refresh_timing.JITTER_SHARE / 2))  # from one refresh to the next
GRACE = 5  # seconds an account may be due or leased before it counts as stale
LEASED = "attribute_exists(lease_owner)"


def store_fleet(twin: TwinClient, run: Run) -> None:
    """Store the plan's accounts, due one after another for as long as it takes a token to become due."""
    run.hub_ids += store_accounts(
        twin, run.plan.accounts, FIRST_HUB_ID + len(run.hub_ids), min(run.plan.seconds, INTERVAL)
    )


def leased_for(row: Account) -> float:
    """Seconds since the account was leased; 0 without a lease."""
    return call_timeouts.LEASE_SECONDS - (row.lease_until - time.time()) if row.lease_until is not None else 0


def left_stale(twin: TwinClient, since: float) -> list[Account]:
    """Wait until no account is overdue, expired or under an orphaned lease; return those that still are.

    A lease taken right before the last kill looks alive for a moment, so nothing counts before that moment is over.
    """
    while True:
        now = time.time()
        rows = [row for row in accounts_of(twin) if stale(row, now)]
        if now - since > LIFETIME or (now - since > GRACE and not rows):
            return rows
        time.sleep(1)


def stale(row: Account, now: float) -> bool:
    due_for = now - row.refresh_at if row.refresh_at is not None else float("inf")
    return row.status is not Status.ACTIVE or row.expires_at <= now or due_for > GRACE or leased_for(row) > GRACE
