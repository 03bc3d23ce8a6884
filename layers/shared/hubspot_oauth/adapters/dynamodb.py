"""Rows of DynamoDB: to and from the nouns of models.py, and the one shape of conditional write."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from hubspot_oauth.adapters.aws import code_of
from hubspot_oauth.domain.models import Account, Binding, Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


def typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain Python values as DynamoDB's attribute values."""
    return {name: _serializer.serialize(value) for name, value in values.items()}


def plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """DynamoDB's attribute values as plain Python values: whole numbers as int, binary as bytes."""
    return {name: _plain(_deserializer.deserialize(value)) for name, value in item.items()}


def account_from(row: Mapping[str, Any]) -> Account:
    """The account that a row of the Accounts table holds, given as plain values."""
    return Account(
        hub_id=row["hub_id"],
        install_id=row["install_id"],
        version=row["version"],
        status=Status(row["status"]),
        sealed=row["sealed"],
        scopes=tuple(row["scopes"].split()),
        issued_at=row["issued_at"],
        expires_at=row["expires_at"],
        installed_at=row["installed_at"],
        binding=Binding(row["binding"]),
        client_reference_id=row.get("client_reference_id"),
        refresh_at=row.get("refresh_at"),
        lease_owner=row.get("lease_owner"),
        lease_until=row.get("lease_until"),
        attempts=row.get("attempts", 0),
        unclean_since=row.get("unclean_since"),
        dead_code=row.get("dead_code"),
    )


def update(
    dynamodb: "DynamoDBClient",
    table: str,
    key: Mapping[str, Any],
    change: str,
    condition: str,
    values: Mapping[str, Any],
    *,
    returns: Literal["NONE", "ALL_OLD", "ALL_NEW"],
) -> tuple[dict[str, Any], bool]:
    """One conditional update: (the item asked for, True), or (the item that failed the condition, False).

    Both come as plain values; empty when there is none. ``#status`` may be used for the reserved word.
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
    """One conditional delete; False when another item is there. An item that is gone already counts as deleted."""
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
    """The item that failed the condition, empty when there is none; any other error goes on.

    By its code and not by its class: a client makes its exception classes when they are first used, and threads that
    come at once may make, and catch, different ones.
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
