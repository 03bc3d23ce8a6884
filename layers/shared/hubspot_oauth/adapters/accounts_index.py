"""Finds accounts: those due, those marked dead, and pages for a listing. The answers may be a moment stale."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from hubspot_oauth.adapters.account_rows import account_from
from hubspot_oauth.adapters.aws import code_of
from hubspot_oauth.adapters.dynamodb import names, plain, typed
from hubspot_oauth.domain.account import Account, Due, GrantKey, Status
from hubspot_oauth.domain.api_errors import InvalidRequest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


#: How many rows one scan for failing accounts reads, and how many scans one page may take.
_SCANNED, _MOST_SCANS = 1000, 5


@dataclass(frozen=True, slots=True)
class Question:
    """Which accounts to list. Set one of the three filters or none; ``after`` is the previous page's."""

    limit: int
    status: str | None = None
    client_reference_id: str | None = None
    failing: bool = False
    after: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of accounts. ``after`` goes into the question for the next page; None if this is the last."""

    accounts: list[Account]
    after: dict[str, Any] | None


class AccountsIndex:
    """Finds accounts.

    Args:
        dynamodb: A DynamoDB client.
        table: The Accounts table's name.
    """

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def due(self, shard: int, now: int) -> Iterator[Due]:
        """Yield the due accounts of one shard, the longest overdue first."""
        found = self._all("due", "refresh_shard = :shard AND refresh_at <= :now", {":shard": shard, ":now": now})
        yield from (Due(GrantKey.parse(row), row["refresh_at"]) for row in found)

    def marked_since(self, since: int) -> Iterator[GrantKey]:
        """Yield the accounts marked dead since ``since``, in epoch seconds."""
        wanted = "#status = :dead AND status_since >= :since"
        yield from map(
            GrantKey.parse, self._all("by_status", wanted, {":dead": Status.NEEDS_REINSTALL, ":since": since})
        )

    def page(self, question: Question) -> Page:
        """One page of accounts.

        Raises:
            InvalidRequest: ``after`` belongs to another listing.
        """
        try:
            keys, after = self._failing(question) if question.failing else self._keys(question)
        except ClientError as error:
            if question.after and code_of(error) == "ValidationException":
                raise InvalidRequest("cursor does not belong to this listing.", field="cursor") from None
            raise
        return Page([account_from(row) for row in self._rows(keys)], after)

    def _failing(self, question: Question) -> tuple[list[GrantKey], dict[str, Any] | None]:
        """The active accounts whose last refresh failed: a scan, which reads the whole table page by page.

        An index would have to be written for every account while HubSpot is away, just when the table is busiest.
        """
        keys: list[GrantKey] = []
        after = question.after
        for _ in range(_MOST_SCANS):
            request: dict[str, Any] = {"ExclusiveStartKey": typed(after)} if after else {}
            found = self._dynamodb.scan(
                TableName=self._table,
                Limit=_SCANNED,
                FilterExpression="attribute_exists(failing_since) AND #status = :active",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=typed({":active": Status.ACTIVE}),
                ProjectionExpression="hub_id, holder",
                **request,
            )
            keys += [GrantKey.parse(plain(item)) for item in found["Items"]]
            if len(keys) > question.limit:
                return keys[: question.limit], dict(keys[question.limit - 1].attributes())
            after = plain(found["LastEvaluatedKey"]) if "LastEvaluatedKey" in found else None
            if after is None or len(keys) == question.limit:
                break
        return keys, after

    def _keys(self, question: Question) -> tuple[list[GrantKey], dict[str, Any] | None]:
        found = self._find(question)
        after = found.get("LastEvaluatedKey")
        return [GrantKey.parse(plain(item)) for item in found["Items"]], plain(after) if after else None

    def _find(self, question: Question) -> Mapping[str, Any]:
        request: dict[str, Any] = {"TableName": self._table, "Limit": question.limit}
        if question.after:
            request["ExclusiveStartKey"] = typed(question.after)
        if question.status:
            request |= _query("by_status", "#status = :value", {":value": question.status})
        elif question.client_reference_id:
            request |= _query("by_reference", "client_reference_id = :value", {":value": question.client_reference_id})
        else:
            return self._dynamodb.scan(**request, ProjectionExpression="hub_id, holder")
        return self._dynamodb.query(**request)

    def _all(self, index: str, wanted: str, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
        request = {"TableName": self._table, **_query(index, wanted, values)}
        for page in self._dynamodb.get_paginator("query").paginate(**request):
            yield from map(plain, page["Items"])

    def _rows(self, keys: Sequence[GrantKey]) -> list[dict[str, Any]]:
        """The rows of these keys in their order, without those deleted since the index was read."""
        rows: dict[GrantKey, dict[str, Any]] = {}
        waiting: dict[str, Any] = {self._table: {"Keys": [typed(key.attributes()) for key in keys]}}
        while keys and waiting:
            answer = self._dynamodb.batch_get_item(RequestItems=waiting)
            rows |= {GrantKey.parse(row): row for row in map(plain, answer["Responses"].get(self._table, []))}
            waiting = dict(answer.get("UnprocessedKeys", {}))
        return [rows[key] for key in keys if key in rows]


def _query(index: str, condition: str, values: dict[str, Any]) -> dict[str, Any]:
    return {
        "IndexName": index,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": typed(values),
        **names(condition),
    }
