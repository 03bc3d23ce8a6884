"""The rescue queue keeps new tokens, sealed, while DynamoDB cannot store them.

A message is one ``Renewal``. It is committed under the same condition as the first try, so it never creates a row and
never changes a later install or version. A message may wait for 14 days, so another version of this code may read it.
"""

import base64
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from hubspot_oauth.domain.account import GrantKey, Renewal
from hubspot_oauth.domain.versions import known_fields

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class RescueQueue:
    """Sends renewals: the sealed tokens of a refresh, which DynamoDB did not take."""

    sqs: "SQSClient" = field(repr=False)
    url: str

    def put(self, renewal: Renewal) -> None:
        """Send a renewal that DynamoDB did not take."""
        self.sqs.send_message(QueueUrl=self.url, MessageBody=to_message(renewal))


def to_message(renewal: Renewal) -> str:
    return json.dumps({**asdict(renewal), "sealed": base64.b64encode(renewal.sealed).decode()})


def from_message(body: str) -> Renewal:
    content = known_fields(Renewal, json.loads(body))
    content |= {"sealed": base64.b64decode(content["sealed"]), "scopes": tuple(content["scopes"])}
    return Renewal(**{**content, "key": GrantKey.parse(content["key"])})
