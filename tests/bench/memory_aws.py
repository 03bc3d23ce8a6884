"""Answers AWS calls at once from memory, in place of HTTP; boto3 still builds, signs and parses every call.

``MemoryAws`` holds rows and counts calls. It checks no condition, so it can measure the product but not test it.
"""

import base64
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.httpchecksum import AwsChunkedWrapper

from hubspot_oauth.adapters.dynamodb import plain, typed
from hubspot_oauth.domain.account import GrantKey

PAGE_BYTES = 1024 * 1024  # DynamoDB's own limit of one page of an answer
KEY_ROW_BYTES = 60  # one entry of the keys-only index of due accounts: three numbers, the holder, and their names


@dataclass
class MemoryAws:
    """The state of AWS in memory.

    Attributes:
        rows: Rows of the Accounts table, in DynamoDB's own JSON.
        due: The index of due accounts: ``(refresh_at, hub_id)`` by shard, sorted.
        calls: How often each operation was called.
        data_keys: The data keys that KMS made, by wrapped key.
    """

    rows: dict[GrantKey, dict[str, Any]] = field(default_factory=dict)
    due: Mapping[int, list[tuple[int, int]]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    data_keys: dict[str, bytes] = field(default_factory=dict)

    def client(self, service: str, config: Config) -> Any:
        """A boto3 client that this object answers; ``Product`` takes this method as its ``client``."""
        session: Any = boto3.Session("bench", "bench", region_name="eu-central-1")
        client = session.client(service, config=config)
        client.meta.events.register("before-send", self._answer)
        return client

    def put(self, row: Mapping[str, Any]) -> None:
        """Store a row of the Accounts table, given as plain values."""
        self.rows[GrantKey.parse(row)] = {name: _in_json(value) for name, value in typed(row).items()}

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        self.calls[operation] += 1
        asked = json.loads(request.body if not isinstance(request.body, AwsChunkedWrapper) else request.body.read())
        answer: Callable[[dict[str, Any]], Mapping[str, Any]] = getattr(self, f"_{operation}")
        body = json.dumps(answer(asked)).encode()
        headers = {"content-type": "application/x-amz-json-1.0"}
        return AWSResponse(request.url, 200, headers, _Body(body))  # type: ignore[arg-type]

    def _UpdateItem(self, asked: dict[str, Any]) -> Mapping[str, Any]:  # noqa: N802 - the operation's name
        if asked["ReturnValues"] == "NONE":
            return {}
        return {"Attributes": self.rows[GrantKey.parse(plain(asked["Key"]))]}

    def _GetItem(self, asked: dict[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        return {}  # the breaker's item in the Scratch table: it has never opened

    def _Query(self, asked: dict[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        values = asked["ExpressionAttributeValues"]
        rows = self.due[int(values[":shard"]["N"])]
        start = int(asked.get("ExclusiveStartKey", {}).get("place", {"N": "0"})["N"])
        found = [row for row in rows if row[0] <= int(values[":now"]["N"])]
        page = found[start : start + PAGE_BYTES // KEY_ROW_BYTES]
        answer: dict[str, Any] = {
            "Items": [
                {"refresh_at": {"N": str(at)}, "hub_id": {"N": str(hub_id)}, "holder": {"S": "account"}}
                for at, hub_id in page
            ]
        }
        if start + len(page) < len(found):
            answer["LastEvaluatedKey"] = {"place": {"N": str(start + len(page))}}
        return answer

    def _SendMessageBatch(self, asked: dict[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        return {"Successful": [], "Failed": []}

    def _GetQueueAttributes(self, asked: dict[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        return {"Attributes": {"ApproximateNumberOfMessages": "0"}}

    def _GetSecretValue(self, asked: dict[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        return {"SecretString": "bench-client-secret", "VersionId": "v1"}

    def _GenerateDataKey(self, asked: dict[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        key, wrapped = os.urandom(32), base64.b64encode(os.urandom(184)).decode()  # as long as KMS's own
        self.data_keys[wrapped] = key
        return {"Plaintext": base64.b64encode(key).decode(), "CiphertextBlob": wrapped, "KeyId": "key"}

    def _Decrypt(self, asked: dict[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        return {"Plaintext": base64.b64encode(self.data_keys[asked["CiphertextBlob"]]).decode(), "KeyId": "key"}


def _in_json(value: dict[str, Any]) -> dict[str, Any]:
    return {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> list[bytes]:
        return [self._content]
