"""The queue's half: a worker refreshes the accounts of its messages, several at once."""

import json
import secrets
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from hubspot_oauth.adapters.accounts_table import Accounts
from hubspot_oauth.adapters.telemetry import Report, logger
from hubspot_oauth.domain.timing import FINISH_SECONDS, PREPARE_SECONDS
from hubspot_oauth.refresh.breaker import Breaker
from hubspot_oauth.refresh.refresher import Failed, Moved, Outcome, Refreshed, Refresher


@dataclass(slots=True)
class _Batch:
    """What one batch has come to so far."""

    remaining: Callable[[], float]
    stop: threading.Event = field(default_factory=threading.Event)

    def go_on(self) -> bool:
        return not self.stop.is_set() and self.remaining() >= PREPARE_SECONDS + FINISH_SECONDS


class Worker:
    """Refreshes what the dispatcher queued.

    Args:
        concurrency: Refreshes at once.
        clock: Epoch seconds.
        monotonic: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        accounts: Accounts,
        refresher: Refresher,
        breaker: Breaker,
        report: Report,
        concurrency: int,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._accounts = accounts
        self._refresher = refresher
        self._breaker = breaker
        self._report = report
        self._clock = clock
        self._monotonic = monotonic
        self._stopped_at = 0.0
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="refresh")

    def run(self, bodies: Iterable[str], remaining: Callable[[], float]) -> None:
        """Refresh every account that the message bodies name and that is still due.

        Args:
            bodies: ``{"hub_ids": [...], "watched": bool, "queued_at": epoch seconds, "tick": correlation id}`` as
                JSON each.
            remaining: Seconds the function may still run. Accounts it leaves no time for stay due.
        """
        for body in bodies:
            message = json.loads(body)
            logger.set_correlation_id(message["tick"])
            if message["queued_at"] <= self._stopped_at:
                continue  # queued before this app was refused: the dispatcher sends the next ones when it may
            self._run_batch(message["hub_ids"], _Batch(remaining))
            if message["watched"]:
                self._breaker.bring_in_successes()

    def _run_batch(self, hub_ids: list[int], batch: _Batch) -> None:
        outcomes = list(self._pool.map(lambda hub_id: self._guarded(hub_id, batch), hub_ids))
        if batch.stop.is_set():
            self._stopped_at = self._clock()
        refreshed = sum(isinstance(outcome, Refreshed) for outcome in outcomes)
        if refreshed:
            self._report("Refreshed", refreshed)
        conflicts = sum(outcome is None or isinstance(outcome, Moved) for outcome in outcomes)
        if conflicts:
            self._report("LeaseConflicts", conflicts)

    def _guarded(self, hub_id: int, batch: _Batch) -> Outcome | None:
        """One account, whatever it does: a poisonous row must not take the rest of its batch with it.

        This is the one catch-all of the product. The row stays due, its lease runs out, and every further try waits
        longer; the log and the metric name the account.
        """
        try:
            return self._one(hub_id, batch)
        except Exception as error:
            logger.exception("refresh crashed", extra={"hub_id": hub_id})
            self._report("RefreshFailed", kind="Crashed", hub_id=hub_id, code=type(error).__name__)
            return Failed(type(error).__name__)

    def _one(self, hub_id: int, batch: _Batch) -> Outcome | None:
        if not batch.go_on():
            return Failed("not_reached")
        leased_at = self._monotonic()
        leased = self._accounts.lease_due(hub_id, secrets.token_hex(8), int(self._clock()))
        if leased is None:
            return None
        outcome = self._refresher.refresh(leased, leased_at, batch.remaining)
        if isinstance(outcome, Failed) and outcome.stop:
            batch.stop.set()
        return outcome
