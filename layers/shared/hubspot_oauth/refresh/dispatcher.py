"""The schedule's half: who is due goes to the queue.

It is level-triggered. Whatever is not done stays due, so a lost message, a duplicate, a stale page of the index and two
dispatchers at once are all harmless: the lease decides.
"""

import json
import random
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

from hubspot_oauth.adapters.accounts_table import SHARDS, Accounts, Due
from hubspot_oauth.adapters.telemetry import Report, logger
from hubspot_oauth.domain.timing import AWS_CALL_SECONDS
from hubspot_oauth.refresh.breaker import Breaker, BreakerState

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

ACCOUNTS_A_MESSAGE = 25
_ACCOUNTS_A_CALL = 10 * ACCOUNTS_A_MESSAGE  # SQS takes ten messages in one call
_STOP_SECONDS = 2 * AWS_CALL_SECONDS  # of the function's own time: what one more page and one more batch may take
_TICK_SECONDS = 60
_SLOW_REFRESH_SECONDS = 1.0  # of one account, for what the workers get through in a tick at the least


class Dispatcher:
    """Sends the hub_ids that are due to the workers.

    Args:
        concurrency: Refreshes at once in one worker.
        workers: Workers at once.
        clock: Epoch seconds.
    """

    def __init__(
        self,
        *,
        accounts: Accounts,
        breaker: Breaker,
        sqs: "SQSClient",
        queue_url: str,
        report: Report,
        concurrency: int,
        workers: int,
        clock: Callable[[], float],
    ) -> None:
        self._accounts = accounts
        self._breaker = breaker
        self._sqs = sqs
        self._queue_url = queue_url
        self._report = report
        self._clock = clock
        refreshes = concurrency * workers * _TICK_SECONDS / _SLOW_REFRESH_SECONDS
        self._tick_messages = max(1, int(refreshes / ACCOUNTS_A_MESSAGE))

    def tick(self, remaining: Callable[[], float]) -> int:
        """Queue whoever is due; how many accounts were queued.

        Args:
            remaining: Seconds the function may still run; what it does not reach stays due for the next tick.
        """
        state = self._breaker.state()
        self._report("BreakerOpen", 1 if state.open else 0, reason=state.open)
        if state.revive_since is not None:
            self._revive(state.revive_since, remaining)
        due = self._due(int(self._clock()))
        if state.open:
            return self._probe(due)
        if self._waiting() >= self._tick_messages:
            self._report("DispatchSkipped")
            return 0
        return self._send_all(due, state, remaining)

    def _due(self, now: int) -> Iterator[Due]:
        """Everyone due: shards in random order, so that none is always last; in each the longest overdue first.

        Looks at the head of every shard first, and reports the oldest of them all.
        """
        shards = [self._accounts.due(shard, now) for shard in random.sample(range(SHARDS), SHARDS)]
        heads = [list(islice(shard, 1)) for shard in shards]
        oldest = min(chain.from_iterable(heads), key=lambda due: due.refresh_at, default=None)
        self._report("OverdueSeconds", now - oldest.refresh_at if oldest else 0)
        return chain.from_iterable(chain(head, shard) for head, shard in zip(heads, shards, strict=True))

    def _send_all(self, due: Iterator[Due], state: BreakerState, remaining: Callable[[], float]) -> int:
        queued = 0
        watched = state.watched(self._clock())
        while remaining() > _STOP_SECONDS and (found := list(islice(due, _ACCOUNTS_A_CALL))):
            self._send((account.hub_id for account in found), watched=watched)
            queued += len(found)
        self._report("Due", queued)
        return queued

    def _probe(self, due: Iterator[Due]) -> int:
        """While the breaker is open one random account a tick goes through."""
        candidates = list(islice(due, _ACCOUNTS_A_CALL))
        if not candidates:
            return 0
        self._send([random.choice(candidates).hub_id], watched=True)  # noqa: S311 - fairness, not secrecy
        return 1

    def _send(self, hub_ids: Iterable[int], *, watched: bool) -> None:
        ids, tick = iter(hub_ids), logger.get_correlation_id()
        entries: list[SendMessageBatchRequestEntryTypeDef] = []
        while chunk := list(islice(ids, ACCOUNTS_A_MESSAGE)):
            message = {"hub_ids": chunk, "watched": watched, "queued_at": self._clock(), "tick": tick}
            entries.append({"Id": str(len(entries)), "MessageBody": json.dumps(message)})
        answer = self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
        if answer.get("Failed"):
            self._report("QueueRefused", len(answer["Failed"]))

    def _waiting(self) -> int:
        answer = self._sqs.get_queue_attributes(
            QueueUrl=self._queue_url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def _revive(self, since: int, remaining: Callable[[], float]) -> None:
        """Those marked while the breaker was about to open; the next tick goes on where the time ends."""
        revived = 0
        for hub_id in self._accounts.marked_since(since):
            if remaining() < _STOP_SECONDS:
                break
            revived += self._accounts.revive(hub_id, int(self._clock()))
        else:
            self._breaker.revived(since)
        self._report("Revived", revived)
