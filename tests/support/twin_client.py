"""A running twin seen from outside: its API, its emulated AWS, its HubSpot and its logs."""

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from hubspot_oauth.adapters.dynamodb import plain
from local.emulator import aws_client
from local.statedir import EMULATOR_LOG
from tests.support.stack import table_key

#: Two of the simulator's portals.
ACME, BEISPIEL = 100001, 100002


class IamAuth(requests.auth.AuthBase):
    """Signs requests as API Gateway's IAM routes want it."""

    def __init__(self, credentials: Mapping[str, str]) -> None:
        pair = Credentials(
            credentials["aws_access_key_id"],
            credentials["aws_secret_access_key"],
            credentials.get("aws_session_token"),
        )
        self._signer = SigV4Auth(pair, "execute-api", credentials["region"])

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        signed = AWSRequest(request.method, request.url, data=request.body or b"")
        self._signer.add_auth(signed)
        request.headers.update(dict(signed.headers))
        return request


@dataclass
class TwinClient:
    url: str
    hubspot_url: str
    aws_url: str
    state: Path

    @cached_property
    def credentials(self) -> dict[str, str]:
        return dict(json.loads((self.state / "credentials.json").read_text()))

    @cached_property
    def outputs(self) -> dict[str, str]:
        [stack] = self.aws("cloudformation").describe_stacks()["Stacks"]
        return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}

    def aws(self, service: str) -> Any:
        """A client as the emulated account's root."""
        return aws_client(self.aws_url, service)

    def function(self, name: str) -> dict[str, Any]:
        """A deployed function's configuration."""
        functions = self.aws("lambda").list_functions()["Functions"]
        [found] = [function for function in functions if f"-{name}-" in f"{function['FunctionName']}-"]
        return dict(found)

    def environment_of(self, function: str) -> dict[str, str]:
        """A deployed function's own environment, and AWS as the emulated account's root."""
        own: dict[str, str] = self.function(function)["Environment"]["Variables"]
        root = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
        return own | root | {"AWS_ENDPOINT_URL": self.aws_url}

    def limited_to(self, policy: Mapping[str, Any]) -> "TwinClient":
        """The same twin as a further IAM user sees it, who may do what this policy allows."""
        iam, name = self.aws("iam"), f"caller-{time.monotonic_ns()}"
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="calls", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        limited = TwinClient(self.url, self.hubspot_url, self.aws_url, self.state)
        limited.credentials = self.credentials | {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }
        (self.state / "callers" / f"{name}.json").write_text(json.dumps(limited.credentials))
        return limited

    @property
    def client_environment(self) -> dict[str, str]:
        """What `python -m local env` sets for a program that uses hubspot_tokens."""
        return {
            "AWS_ACCESS_KEY_ID": self.credentials["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": self.credentials["aws_secret_access_key"],
            "AWS_REGION": self.credentials["region"],
            "HUBSPOT_OAUTH_URL": self.url,
            "HUBSPOT_API_URL": self.hubspot_url,
        }

    def call(self, path: str, method: str = "GET", **body: Any) -> requests.Response:
        """Call the API as the local user."""
        return requests.request(method, self.url + path, json=body or None, auth=IamAuth(self.credentials), timeout=60)

    def token(self, hub_id: int = ACME, query: str = "") -> requests.Response:
        return self.call(f"/accounts/{hub_id}/token{query}")

    def account(self, hub_id: int = ACME) -> dict[str, Any]:
        """The row as the table holds it."""
        found = self.aws("dynamodb").get_item(TableName=self.outputs["AccountsTableName"], Key=table_key(hub_id))
        return plain(found.get("Item", {}))

    def journal(self) -> dict[str, Any]:
        return dict(requests.get(f"{self.hubspot_url}/_sim/journal?limit=100000", timeout=10).json())

    def token_calls(self, grant_type: str) -> int:
        """How many token calls of this grant type have reached HubSpot."""
        return sum(self.journal()["counters"]["by_grant_type"].get(grant_type, {}).values())

    def log(self) -> str:
        """Everything the emulator and the functions wrote."""
        return (self.state / EMULATOR_LOG).read_text(errors="replace")

    def log_events(self) -> str:
        """What CloudWatch Logs holds, one message a line."""
        logs = self.aws("logs")
        messages = []
        for group in logs.describe_log_groups()["logGroups"]:
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                messages += [event["message"] for event in page["events"]]
        return "\n".join(messages)

    def items(self, table: str, **scan: Any) -> Iterator[dict[str, Any]]:
        """The items of a table as DynamoDB sends them; ``scan`` may hold a filter."""
        for page in self.aws("dynamodb").get_paginator("scan").paginate(TableName=table, **scan):
            yield from page["Items"]

    def clear_faults(self) -> None:
        """HubSpot is well again."""
        requests.delete(f"{self.hubspot_url}/_sim/faults", timeout=10)

    def remove_accounts(self) -> None:
        for hub_id in (ACME, BEISPIEL):
            self.aws("dynamodb").delete_item(TableName=self.outputs["AccountsTableName"], Key=table_key(hub_id))

    def simulate(self, what: str, **document: Any) -> Any:
        answer = requests.post(f"{self.hubspot_url}/_sim/{what}", json=document, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def accepted(self, access_token: str) -> bool:
        """Whether HubSpot's data endpoint takes this token."""
        answer = requests.get(
            f"{self.hubspot_url}/account-info/v3/details",
            headers={"authorization": f"Bearer {access_token}"},
            timeout=10,
        )
        return answer.status_code == 200


def warm(twin: TwinClient, function: str, event: Mapping[str, Any], workers: int) -> None:
    """Start so many workers of a function directly: many cold starts at once may outlast the API's patience."""
    client, name = twin.aws("lambda"), twin.function(function)["FunctionName"]
    with ThreadPoolExecutor(workers) as pool:
        answers = pool.map(
            lambda _: client.invoke(FunctionName=name, Payload=json.dumps(event).encode()), range(workers)
        )
        assert not any("FunctionError" in answer for answer in answers)
