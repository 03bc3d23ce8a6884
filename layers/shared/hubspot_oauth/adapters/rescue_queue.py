"""The rescue queue keeps new tokens, sealed, while DynamoDB cannot store them.

A message is one ``Renewal``. It is committed under the same condition as the first try, so it never creates a row and
never changes a later install or version. A message may wait for 14 days, so another version of this code may read it.
"""

import base64
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from hubspot_oauth.domain.account import GrantKey, Renewal
from hubspot_oauth.domain.versions import known_fields

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class RescueQueue:
    """Where renewals wait.

    Args:
        sqs: An SQS client.
        queue_url: The rescue queue.
    """

    def __init__(self, sqs: "SQSClient", queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def put(self, renewal: Renewal) -> None:
        """Send a renewal that DynamoDB did not take."""
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=to_message(renewal))


def to_message(renewal: Renewal) -> str:
    return json.dumps({**asdict(renewal), "sealed": base64.b64encode(renewal.sealed).decode()})


def from_message(body: str) -> Renewal:
    content = known_fields(Renewal, json.loads(body))
    content |= {"sealed": base64.b64decode(content["sealed"]), "scopes": tuple(content["scopes"])}
    return Renewal(**{**content, "key": GrantKey(**known_fields(GrantKey, content["key"]))})
