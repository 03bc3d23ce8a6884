"""One row of the Accounts table as a pure function: (row, request) -> (row afterwards, what the client gets).

moto evaluates each distinct pair once, so that the conditions are judged by DynamoDB's grammar and not by ours; the
answers are remembered, which is what makes an exhaustive search possible.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from botocore.exceptions import ClientError

from tests.support import stack

HUB_ID = 1
_KEY = {"hub_id": {"N": str(HUB_ID)}, "holder": {"S": "account"}}
Row = str | None  # DynamoDB's JSON with sorted names, or no row


@dataclass(frozen=True, slots=True)
class Request:
    """One write as the product sends it: the operation's name and its parameters as JSON."""

    operation: str
    parameters: str

    @classmethod
    def of(cls, operation: str, parameters: Mapping[str, Any]) -> "Request":
        return cls(operation, json.dumps(parameters, sort_keys=True, default=_binary))

    @property
    def condition(self) -> str:
        return str(json.loads(self.parameters).get("ConditionExpression", ""))

    @property
    def change(self) -> str:
        return str(json.loads(self.parameters).get("UpdateExpression", ""))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client gets: its answer, the item that failed the condition, or that its request is none."""

    content: str = "{}"
    error: Literal["", "ConditionalCheckFailedException", "ValidationException"] = ""

    def deliver(self) -> dict[str, Any]:
        """Return or raise it, as boto3 does."""
        content: dict[str, Any] = _loaded(self.content)
        if not self.error:
            return content
        raised = ConditionFailed if self.error == "ConditionalCheckFailedException" else ClientError
        response: Any = {"Error": {"Code": self.error, "Message": ""}, **content}
        raise raised(response, "UpdateItem")


class ConditionFailed(ClientError):
    """DynamoDB's ConditionalCheckFailedException."""


class Table:
    """The row of one account, judged by moto. ``mutate`` may change a request on its way."""

    def __init__(self, mutate: Callable[[Request], Request] = lambda request: request) -> None:
        self._mutate = mutate
        self.asked: set[Request] = set()

    def apply(self, row: Row, request: Request) -> tuple[Row, Answer]:
        self.asked.add(request)
        return _applied(row, self._mutate(request))


@cache
def _applied(row: Row, request: Request) -> tuple[Row, Answer]:
    parameters = _loaded(request.parameters)
    if request.operation == "get_item":
        return row, Answer() if row is None else Answer(f'{{"Item": {row}}}')
    client = _client()
    _put(client, row)
    wanted = parameters.pop("ReturnValues", "NONE")
    returned = {"ReturnValues": "ALL_NEW"} if request.operation == "update_item" else {}
    try:
        answer = getattr(client, request.operation)(**{**parameters, **returned, "TableName": "model"})
    except client.exceptions.ConditionalCheckFailedException as error:
        item = error.response.get("Item")
        return row, Answer(_dumped({"Item": item} if item else {}), "ConditionalCheckFailedException")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        return row, Answer(error="ValidationException")
    after = _dumped(answer["Attributes"]) if "Attributes" in answer else None
    shown = {"ALL_NEW": after, "ALL_OLD": row}.get(wanted)
    _stored[:] = [after]
    return after, Answer(f'{{"Attributes": {shown}}}' if shown else "{}")


_stored: list[Row] = []  # the row in moto's table; a list, so that functions can replace it without `global`


def _put(client: Any, row: Row) -> None:
    if _stored and _stored[-1] == row:
        return
    if row is None:
        client.delete_item(TableName="model", Key=_KEY)
    else:
        client.put_item(TableName="model", Item=_loaded(row))
    _stored[:] = [row]


@cache
def _client() -> Any:
    """A client of the table that moto holds; the test has started moto."""
    client = stack.client("dynamodb")
    client.create_table(TableName="model", **stack.table_definition("AccountsTable"))
    _stored[:] = [None]
    return client


def forget() -> None:
    """Forget cached answers and the client: moto has ended."""
    _applied.cache_clear()
    _client.cache_clear()


def _dumped(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, default=_binary)


def _binary(value: bytes) -> dict[str, str]:
    return {"bytes": value.decode()}


def _loaded(text: str) -> Any:
    return json.loads(text, object_hook=lambda found: found["bytes"].encode() if set(found) == {"bytes"} else found)
