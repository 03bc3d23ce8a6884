"""Runs on the schedule, and queues the accounts that are due.

The schedule is level-triggered: an account stays due until it is refreshed, and the lease decides who refreshes it. A
lost message, a duplicate, a stale page of the index and two dispatchers at once are therefore harmless.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

from hubspot_oauth.adapters.accounts_index import AccountsIndex
from hubspot_oauth.adapters.accounts_table import SHARDS, AccountsTable
from hubspot_oauth.adapters.refresh_queue import ACCOUNTS_A_CALL, ACCOUNTS_A_MESSAGE, RefreshQueue
from hubspot_oauth.adapters.telemetry import Report, logger
from hubspot_oauth.domain.account import Due
from hubspot_oauth.domain.call_timeouts import AWS_CALL_SECONDS
from hubspot_oauth.domain.clocks import Clock, Remaining
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.refresh.breaker import Breaker
from hubspot_oauth.refresh.breaker_state import BreakerState

_STOP_SECONDS = 2 * AWS_CALL_SECONDS  # time kept in reserve for one more page of the index and one more send
_TICK_SECONDS = 60
_SLOW_REFRESH_SECONDS = 1.0  # assumed for one account; most refreshes are faster


@dataclass(kw_only=True)
class Dispatcher:
    accounts: AccountsTable
    accounts_index: AccountsIndex
    breaker: Breaker
    refresh_queue: RefreshQueue
    report: Report
    settings: Settings
    clock: Clock

    def tick(self, remaining: Remaining) -> int:
        """Queue the accounts that are due; return their number, including those that SQS refused.

        Args:
            remaining: Seconds the function may still run. Accounts it does not reach stay due for the next tick.
        """
        state = self.breaker.state()
        if state.recheck_since is not None:
            self._recheck(state.recheck_since, remaining)
            state = self.breaker.state()  # it may have opened during many writes
        self.report("BreakerOpen", 1 if state.open else 0, reason=state.open)
        due = self._due(int(self.clock()))
        if state.open:
            return self._probe(due)
        if self.refresh_queue.waiting() >= self._tick_messages():
            self.report("DispatchSkipped")
            return 0
        return self._send_all(due, state, remaining)

    def _tick_messages(self) -> int:
        """The number of messages that the workers finish in a tick even if every refresh is slow."""
        refreshes = (
            self.settings.refresh_concurrency * self.settings.refresh_workers * _TICK_SECONDS / _SLOW_REFRESH_SECONDS
        )
        return max(1, int(refreshes / ACCOUNTS_A_MESSAGE))

    def _due(self, now: int) -> Iterator[Due]:
        """All due accounts, shard by shard, the longest overdue of each shard first.

        The shards come in random order, so that none is always last. The first account of every shard is read before
        any account is queued, to report how long the longest overdue account of all has been due.
        """
        shards = [self.accounts_index.due(shard, now) for shard in random.sample(range(SHARDS), SHARDS)]
        heads = [list(islice(shard, 1)) for shard in shards]
        oldest = min(chain.from_iterable(heads), key=lambda due: due.refresh_at, default=None)
        self.report("OverdueSeconds", now - oldest.refresh_at if oldest else 0)
        return chain.from_iterable(chain(head, shard) for head, shard in zip(heads, shards, strict=True))

    def _send_all(self, due: Iterator[Due], state: BreakerState, remaining: Remaining) -> int:
        queued = 0
        write_successes = state.wants_successes(self.clock())
        while remaining() > _STOP_SECONDS and (found := list(islice(due, ACCOUNTS_A_CALL))):
            self._send(found, write_successes=write_successes)
            queued += len(found)
        self.report("Due", queued)
        return queued

    def _probe(self, due: Iterator[Due]) -> int:
        """Queue one random due account, as the tick's test while the breaker is open."""
        candidates = list(islice(due, ACCOUNTS_A_CALL))
        if not candidates:
            return 0
        self._send([random.choice(candidates)], write_successes=True)  # noqa: S311 - fairness, not secrecy
        return 1

    def _send(self, found: list[Due], *, write_successes: bool) -> None:
        keys = (due.key for due in found)
        tick = logger.get_correlation_id()
        refused = self.refresh_queue.put(keys, write_successes=write_successes, queued_at=self.clock(), tick=tick)
        if refused:
            self.report("QueueRefused", refused)

    def _recheck(self, since: int, remaining: Remaining) -> None:
        """Make the accounts marked dead since ``since`` due; if time runs out, the next tick continues."""
        due = 0
        for key in self.accounts_index.marked_since(since):
            if remaining() < _STOP_SECONDS:
                break
            due += self.accounts.recheck(key, int(self.clock()))
        else:
            self.breaker.rechecked(since)
        if due:
            self.report("Rechecked", due)
