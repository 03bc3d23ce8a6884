"""Refreshes the accounts that the queue's messages name, several at once."""

import secrets
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum

from hubspot_oauth.adapters.accounts_table import AccountsTable
from hubspot_oauth.adapters.refresh_queue import Batch
from hubspot_oauth.adapters.telemetry import Report, logger
from hubspot_oauth.domain.account import GrantKey
from hubspot_oauth.domain.call_timeouts import FINISH_SECONDS, PREPARE_SECONDS
from hubspot_oauth.domain.clocks import Clock, Monotonic, Remaining
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.refresh.breaker import Breaker
from hubspot_oauth.refresh.refresher import Moved, Outcome, Refreshed, Refresher
from hubspot_oauth.refresh.verdict import Verdict


class Left(Enum):
    """Why a refresh has no outcome."""

    NOT_DUE = "another lease owner has the row, it is not due any more, or its orphaned lease must rest longer"
    NOT_REACHED = "the batch ended before its turn"
    CRASHED = "its refresh raised; its lease runs out"


@dataclass(kw_only=True)
class Worker:
    """Refreshes what the dispatcher queued, ``refresh_concurrency`` accounts at once."""

    accounts: AccountsTable
    refresher: Refresher
    breaker: Breaker
    report: Report
    settings: Settings
    clock: Clock
    monotonic: Monotonic
    _stopped_at: float = field(default=0.0, init=False)
    _pool: ThreadPoolExecutor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(self.settings.refresh_concurrency, thread_name_prefix="refresh")

    def run(self, bodies: Iterable[str], remaining: Remaining) -> None:
        """Refresh every account that the messages name and that is still due.

        Args:
            bodies: Messages of the refresh queue.
            remaining: Seconds the function may still run. Accounts it does not reach stay due.
        """
        for body in bodies:
            batch = Batch.parse(body)
            logger.set_correlation_id(batch.tick)
            if batch.queued_at <= self._stopped_at:
                continue  # queued before a verdict ended a batch; the accounts stay due
            self._run(batch, remaining)
            if batch.write_successes:
                self.breaker.bring_in_successes()

    def _run(self, batch: Batch, remaining: Remaining) -> None:
        stop = threading.Event()
        done = list(self._pool.map(lambda key: self._guarded(key, stop, remaining), batch.accounts))
        if stop.is_set():
            self._stopped_at = self.clock()
        refreshed = sum(isinstance(outcome, Refreshed) for outcome in done)
        if refreshed:
            self.report("Refreshed", refreshed)
        conflicts = sum(outcome is Left.NOT_DUE or isinstance(outcome, Moved) for outcome in done)
        if conflicts:
            self.report("LeaseConflicts", conflicts)

    def _guarded(self, key: GrantKey, stop: threading.Event, remaining: Remaining) -> Outcome | Left:
        """Refresh one account; an unforeseen exception must not end the rest of its batch.

        This is the product's only ``except Exception``. The row stays due and its lease runs out, and each further try
        waits longer (``orphan_wait``). The log names the account.
        """
        try:
            return self._one(key, stop, remaining)
        except Exception as error:
            logger.exception("refresh crashed", extra={"hub_id": key.hub_id})
            self.report("RefreshFailed", kind="Crashed", hub_id=key.hub_id, code=type(error).__name__)
            return Left.CRASHED

    def _one(self, key: GrantKey, stop: threading.Event, remaining: Remaining) -> Outcome | Left:
        if stop.is_set() or remaining() < PREPARE_SECONDS + FINISH_SECONDS:
            return Left.NOT_REACHED
        leased_at = self.monotonic()
        leased = self.accounts.lease_due(key, secrets.token_hex(8), int(self.clock()))
        if leased is None:
            return Left.NOT_DUE
        outcome = self.refresher.refresh(leased, leased_at, remaining)
        if isinstance(outcome, Verdict) and outcome.stop:
            stop.set()
        return outcome
