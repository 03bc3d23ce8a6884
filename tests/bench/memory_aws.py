"""AWS answering at once from memory, in place of its HTTP: boto3 still builds, signs and parses every call.

It counts calls and holds rows; it checks no condition, so it is for measuring and never for proving.
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
from botocore.httpchecksum import AwsChunkedWrapper

from hubspot_oauth.product import AWS_CONFIG

PAGE_BYTES = 1024 * 1024  # DynamoDB's own limit of one page of an answer
KEY_ROW_BYTES = 60  # of a row of a keys-only index: three numbers and their names


@dataclass
class MemoryAws:
    """What the calls find: rows by hub_id in DynamoDB's own JSON, the index of due accounts, counts by operation."""

    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    due: Mapping[int, list[tuple[int, int]]] = field(default_factory=dict)  # shard -> (refresh_at, hub_id), sorted
    calls: Counter[str] = field(default_factory=Counter)
    data_keys: dict[str, bytes] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        session: Any = boto3.Session("bench", "bench", region_name="eu-central-1")
        client = session.client(service, config=AWS_CONFIG)
        client.meta.events.register("before-send", self._answer)
        return client

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
        return {"Attributes": self.rows[int(asked["Key"]["hub_id"]["N"])]}

    def _GetItem(self, asked: dict[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        return {}  # of the scratch table: the breaker has never opened

    def _Query(self, asked: dict[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        values = asked["ExpressionAttributeValues"]
        rows = self.due[int(values[":shard"]["N"])]
        start = int(asked.get("ExclusiveStartKey", {}).get("place", {"N": "0"})["N"])
        found = [row for row in rows if row[0] <= int(values[":now"]["N"])]
        page = found[start : start + PAGE_BYTES // KEY_ROW_BYTES]
        answer: dict[str, Any] = {
            "Items": [{"refresh_at": {"N": str(at)}, "hub_id": {"N": str(hub_id)}} for at, hub_id in page]
        }
        if start + len(page) < len(found):
            answer["LastEvaluatedKey"] = {"place": {"N": str(start + len(page))}}
        return answer

    def _SendMessageBatch(self, asked: dict[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        return {"Successful": [], "Failed": []}

    def _GetQueueAttributes(self, asked: dict[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        return {"Attributes": {"ApproximateNumberOfMessages": "0"}}

    def _GetSecretValue(self, asked: dict[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        return {"SecretString": "bench-client-secret"}

    def _GenerateDataKey(self, asked: dict[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        key, wrapped = os.urandom(32), base64.b64encode(os.urandom(184)).decode()  # as long as KMS's own
        self.data_keys[wrapped] = key
        return {"Plaintext": base64.b64encode(key).decode(), "CiphertextBlob": wrapped, "KeyId": "key"}

    def _Decrypt(self, asked: dict[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        return {"Plaintext": base64.b64encode(self.data_keys[asked["CiphertextBlob"]]).decode(), "KeyId": "key"}


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> list[bytes]:
        return [self._content]
