"""Install attempts in the Scratch table: a nonce and an authorization code are each spent at most once.

One transaction spends both *before* the code is sent to HubSpot::

    tab A  ── spend(nonce, code) ok ── exchange ── store ── finish ── landing
    tab B  ── spend(nonce, code) lost ── gets A's attempt: the pending page, then A's landing
    thief  ── spend(other nonce, same code) lost ── gets A's attempt, but lacks its cookie: refused

The items' TTL only keeps the table small; no decision relies on it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from hubspot_oauth.adapters.aws import code_of
from hubspot_oauth.adapters.dynamodb import plain, typed
from hubspot_oauth.domain.clocks import Roll, Sleep
from hubspot_oauth.install import refusal_texts
from hubspot_oauth.install.attempt import Attempt, code_name
from hubspot_oauth.install.refusal import InstallRefused

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEEP_SECONDS = 24 * 3600
_CONFLICT_TRIES = 8
_CONFLICT_WAIT_SECONDS = 0.1


class SpentCodes:
    """Reads and writes attempts and spent codes.

    Args:
        dynamodb: A DynamoDB client.
        table: The Scratch table's name.
        sleep: Waits before the retry when two writes conflict on one item.
        roll: Spreads these retries.
    """

    def __init__(self, dynamodb: "DynamoDBClient", table: str, sleep: Sleep, roll: Roll) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._sleep = sleep
        self._roll = roll

    def find(self, attempt_id: str) -> Attempt | None:
        item = self._item(f"attempt#{attempt_id}")
        return Attempt.of(item) if item else None

    def spend(self, attempt: Attempt, code: str) -> Attempt | None:
        """Spend nonce and code together. Return None on success, else the attempt that spent one of them earlier.

        Raises:
            InstallRefused: DynamoDB cancelled every try; nothing is spent.
        """
        for tried in range(_CONFLICT_TRIES):
            try:
                self._put_both(attempt, code)
            except ClientError as error:
                if code_of(error) != "TransactionCanceledException":
                    raise
                earlier = self._earlier(attempt, code)
                if earlier:
                    return earlier
                self._wait(tried)  # two transactions conflicted, and neither has won yet
            else:
                return None
        raise InstallRefused(refusal_texts.INTERRUPTED, "the attempt could not be recorded")

    def finish(self, ended: Attempt) -> None:
        """Record the attempt's outcome, and what its landing shows.

        A reload of the page tries to spend the same nonce, and DynamoDB refuses a write during a transaction on its
        item. The SDK does not repeat such a write.
        """
        shown = {
            "hub_id": ended.hub_id,
            "hub_domain": ended.hub_domain,
            "missing_scopes": " ".join(ended.missing_scopes),
        }
        named = {"outcome": ended.outcome, **shown}
        known = {name: value for name, value in named.items() if value}
        for tried in range(_CONFLICT_TRIES):
            try:
                self._set(ended.attempt_id, known)
            except ClientError as error:
                if code_of(error) != "TransactionConflictException" or tried == _CONFLICT_TRIES - 1:
                    raise
                self._wait(tried)
            else:
                return

    def _set(self, attempt_id: str, known: Mapping[str, Any]) -> None:
        self._dynamodb.update_item(
            TableName=self._table,
            Key=typed({"pk": f"attempt#{attempt_id}"}),
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in known),
            ExpressionAttributeValues=typed({f":{name}": value for name, value in known.items()}),
        )

    def _wait(self, tried: int) -> None:
        """Wait longer after each try: up to 0.1 seconds at first, 3 seconds in all."""
        self._sleep(_CONFLICT_WAIT_SECONDS * min(2**tried, 5) * (0.5 + self._roll() / 2))

    def _put_both(self, attempt: Attempt, code: str) -> None:
        ttl = attempt.started_at + KEEP_SECONDS
        about = {"attempt_id": attempt.attempt_id, "started_at": attempt.started_at, "ttl": ttl}
        given = {name: getattr(attempt, name) for name in ("browser", "return_to", "caller_state", "wanted_hub_id")}
        known = {name: value for name, value in given.items() if value is not None}
        items = (
            {"pk": f"attempt#{attempt.attempt_id}", **about, **known},
            {"pk": f"code#{code_name(code)}", **about},
        )
        self._dynamodb.transact_write_items(
            TransactItems=[
                {
                    "Put": {
                        "TableName": self._table,
                        "Item": typed(item),
                        "ConditionExpression": "attribute_not_exists(pk)",
                    }
                }
                for item in items
            ]
        )

    def _earlier(self, attempt: Attempt, code: str) -> Attempt | None:
        found = self.find(attempt.attempt_id)
        if found:
            return found
        spent = self._item(f"code#{code_name(code)}")
        return self.find(spent["attempt_id"]) if spent else None

    def _item(self, key: str) -> dict[str, Any] | None:
        answer = self._dynamodb.get_item(TableName=self._table, Key=typed({"pk": key}), ConsistentRead=True)
        return plain(answer["Item"]) if "Item" in answer else None
