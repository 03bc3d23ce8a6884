"""The refresh queue: batches of accounts that are due, from the dispatcher to the workers.

Lost, doubled and late messages are harmless, because the lease decides who refreshes.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from hubspot_oauth.domain.account import GrantKey
from hubspot_oauth.domain.versions import known_fields

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

ACCOUNTS_A_MESSAGE = 25
ACCOUNTS_A_CALL = 10 * ACCOUNTS_A_MESSAGE  # SQS takes ten messages in one call


@dataclass(frozen=True, slots=True)
class Batch:
    """One message.

    Attributes:
        accounts: The accounts that are due.
        write_successes: Whether the worker must write its successes to the breaker.
        queued_at: Epoch seconds.
        tick: Correlation id of the dispatcher's run, for the log.
    """

    accounts: tuple[GrantKey, ...]
    write_successes: bool
    queued_at: float
    tick: str | None

    def body(self) -> str:
        accounts = [key.attributes() for key in self.accounts]
        return json.dumps(
            {
                "accounts": accounts,
                "write_successes": self.write_successes,
                "queued_at": self.queued_at,
                "tick": self.tick,
            }
        )

    @classmethod
    def parse(cls, body: str) -> "Batch":
        content = known_fields(cls, json.loads(body))
        return cls(**{**content, "accounts": tuple(map(GrantKey.parse, content["accounts"]))})


@dataclass(frozen=True, slots=True)
class RefreshQueue:
    """Sends batches."""

    sqs: "SQSClient" = field(repr=False)
    url: str

    def put(self, accounts: Iterable[GrantKey], *, write_successes: bool, queued_at: float, tick: str | None) -> int:
        """Send the accounts; return the number of messages that SQS refused. SQS takes at most ``ACCOUNTS_A_CALL``."""
        bodies = (Batch(chunk, write_successes, queued_at, tick).body() for chunk in _chunks(accounts))
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)
        ]
        answer = self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
        return len(answer.get("Failed", []))

    def waiting(self) -> int:
        """About how many messages no worker has received yet."""
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def _chunks(accounts: Iterable[GrantKey]) -> Iterator[tuple[GrantKey, ...]]:
    left = iter(accounts)
    while chunk := tuple(islice(left, ACCOUNTS_A_MESSAGE)):
        yield chunk
