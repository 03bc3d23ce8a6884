"""Converts DynamoDB items to and from plain values, and makes conditional updates and deletes."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from hubspot_oauth.adapters.aws import code_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Returns = Literal["NONE", "ALL_OLD", "ALL_NEW"]
Updated = tuple[dict[str, Any], bool]
_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


def typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain Python values as DynamoDB's attribute values."""
    return {name: _serializer.serialize(value) for name, value in values.items()}


def plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """DynamoDB's attribute values as plain Python values: whole numbers as int, binary as bytes."""
    return {name: _plain(_deserializer.deserialize(value)) for name, value in item.items()}


def update(
    dynamodb: "DynamoDBClient",
    table: str,
    key: Mapping[str, Any],
    change: str,
    condition: str,
    values: Mapping[str, Any],
    returns: Returns,
) -> Updated:
    """Make one conditional update.

    Returns the item that ``returns`` asks for and True; if the condition fails, the unchanged item and False. The item
    has plain values, and is empty when there is none. Expressions write ``#status`` for the reserved word ``status``.
    """
    request: dict[str, Any] = {
        "TableName": table,
        "Key": typed(key),
        "UpdateExpression": change,
        "ConditionExpression": condition,
        "ExpressionAttributeValues": typed(values),
        "ReturnValues": returns,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        **names(change + condition),
    }
    try:
        answer = dynamodb.update_item(**request)
    except ClientError as error:
        return plain(_failed_item(error)), False
    return plain(answer.get("Attributes", {})), True


def delete(
    dynamodb: "DynamoDBClient", table: str, key: Mapping[str, Any], condition: str, values: Mapping[str, Any]
) -> bool:
    """Make one conditional delete; return False when an item fails the condition. A missing item counts as deleted."""
    try:
        dynamodb.delete_item(
            TableName=table,
            Key=typed(key),
            ConditionExpression=condition,
            ExpressionAttributeValues=typed(values),
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **names(condition),
        )
    except ClientError as error:
        return not _failed_item(error)
    return True


def _failed_item(error: ClientError) -> Mapping[str, Any]:
    """The item that failed the condition, empty when there is none. Any other error is raised again.

    The error is recognised by its code, not its class: a client creates its exception classes at first use, so two
    threads may create two classes for the same error, and ``except`` with one does not catch the other.
    """
    if code_of(error) != "ConditionalCheckFailedException":
        raise error
    response: Mapping[str, Any] = error.response
    item: Mapping[str, Any] = response.get("Item", {})
    return item


def names(expression: str) -> dict[str, Any]:
    """The ExpressionAttributeNames that an expression with the reserved word ``status`` needs."""
    return {"ExpressionAttributeNames": {"#status": "status"}} if "#status" in expression else {}


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever DynamoDB holds
    if isinstance(value, Decimal):
        return int(value)
    return bytes(value) if isinstance(value, Binary) else value  # type: ignore[call-overload]
