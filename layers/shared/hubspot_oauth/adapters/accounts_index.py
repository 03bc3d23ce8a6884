"""Pages of the Accounts table: everyone, everyone of one status, or everyone of one reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from hubspot_oauth.adapters.dynamodb import account_from, names, plain, typed
from hubspot_oauth.domain.errors import InvalidRequest
from hubspot_oauth.domain.models import Account

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Question:
    """Which accounts: at most one of ``status`` and ``client_reference_id``; ``after`` is where the last page ended."""

    limit: int
    status: str | None = None
    client_reference_id: str | None = None
    after: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Accounts, and where the next page begins, or None."""

    accounts: list[Account]
    after: dict[str, Any] | None


class Listing:
    """Reads the Accounts table page by page.

    Args:
        dynamodb: A DynamoDB client.
        table: The table's name.
    """

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def page(self, question: Question) -> Page:
        """One page. The indexes may be a moment behind.

        Raises:
            InvalidRequest: ``after`` is not where such a listing can begin.
        """
        try:
            found = self._find(question)
        except ClientError as error:
            if question.after and error.response["Error"]["Code"] == "ValidationException":
                raise InvalidRequest("cursor does not belong to this listing.", field="cursor") from None
            raise
        rows = self._rows([plain(item)["hub_id"] for item in found["Items"]])
        after = found.get("LastEvaluatedKey")
        return Page([account_from(row) for row in rows], plain(after) if after else None)

    def _find(self, question: Question) -> Mapping[str, Any]:
        request: dict[str, Any] = {"TableName": self._table, "Limit": question.limit}
        if question.after:
            request["ExclusiveStartKey"] = typed(question.after)
        if question.status:
            return self._query(request, "by_status", "#status = :value", question.status)
        if question.client_reference_id:
            return self._query(request, "by_reference", "client_reference_id = :value", question.client_reference_id)
        return self._dynamodb.scan(**request, ProjectionExpression="hub_id")

    def _query(self, request: dict[str, Any], index: str, condition: str, value: str) -> Mapping[str, Any]:
        request |= {"IndexName": index, "KeyConditionExpression": condition, **names(condition)}
        return self._dynamodb.query(**request, ExpressionAttributeValues=typed({":value": value}))

    def _rows(self, hub_ids: Sequence[int]) -> list[dict[str, Any]]:
        """The rows of these accounts, in their order; whoever has gone in between is left out."""
        rows: dict[int, dict[str, Any]] = {}
        waiting: dict[str, Any] = {self._table: {"Keys": [typed({"hub_id": hub_id}) for hub_id in hub_ids]}}
        while hub_ids and waiting:
            answer = self._dynamodb.batch_get_item(RequestItems=waiting)
            rows |= {row["hub_id"]: row for row in map(plain, answer["Responses"].get(self._table, []))}
            waiting = dict(answer.get("UnprocessedKeys", {}))
        return [rows[hub_id] for hub_id in hub_ids if hub_id in rows]
