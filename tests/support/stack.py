"""The product on moto, in this process: the template's own tables, the real parts, and a clock that tests move."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import moto  # noqa: F401 - has to be there before a session is made
from botocore.config import Config
from cfnlint.decode import cfn_yaml

from hubspot_oauth.adapters.aws import AWS_CONFIG
from hubspot_oauth.adapters.client_secret import REREAD_SECONDS
from hubspot_oauth.domain.account import Account, Binding, GrantKey, NewInstall, Renewal
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.tokens import AccessToken, Tokens
from hubspot_oauth.product import Product
from simulator import Simulator

if TYPE_CHECKING:
    import pytest  # the benchmarks use this module, and no pytest

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
ENVIRONMENT = {
    "APP_NAME": "Example",
    "BRAND_COLOR": "#0b6e69",
    "APP_URL": "",
    "LOGO_URL": "",
    "SUPPORT_URL": "mailto:help@example.com",
    "HUBSPOT_CLIENT_ID": "sim00000-0000-4000-8000-000000000000",
    "HUBSPOT_API_VERSION": "v3",
    "HUBSPOT_API_URL": "http://localhost:1",
    "HUBSPOT_APP_URL": "http://localhost:1",
    "REQUIRED_SCOPES": "oauth crm.objects.contacts.read",
    "CONDITIONAL_SCOPES": "",
    "OPTIONAL_SCOPES": "tickets",
    "REDIRECT_URL": "http://localhost:3000/oauth-callback",
    "CALLBACK_PATH": "/oauth-callback",
    "RETURN_TO_ORIGINS": "https://app.example.com",
    "MARKETPLACE_INSTALLS": "true",
    "SIGN_IN_URL": "",
    "REFRESH_MARGIN_PERCENT": "33",
    "REFRESH_CONCURRENCY": "4",
    "REFRESH_WORKERS": "2",
    "ACCOUNTS_TABLE": "accounts",
    "SCRATCH_TABLE": "scratch",
    "KMS_KEY_ID": "key",
    "CLIENT_SECRET_ID": "client-secret",
    "STATE_KEY_ID": "state-key",
    "REFRESH_QUEUE_URL": "refresh",
    "RESCUE_QUEUE_URL": "rescue",
}

CLIENT_SECRET = "simulated-client-secret"
SCOPES = ("oauth", "crm.objects.contacts.read", "tickets")


#: One session for all tests, so that AWS's own descriptions of its services are read once. moto is imported before it.
_session: Any = boto3.Session("testing", "testing", region_name="eu-central-1")


_clients: dict[tuple[str, int], Any] = {}


def client(service: str, config: Config = AWS_CONFIG) -> Any:
    """A client of moto's AWS, configured as the product asks; made once, for all the accounts that moto resets."""
    made = service, config.max_pool_connections  # type: ignore[attr-defined]
    if made not in _clients:
        _clients[made] = _session.client(service, config=config)
    return _clients[made]


def create_resources(client: Callable[..., Any] = client) -> dict[str, str]:
    """The stack's tables, key, secrets and queues on moto; the environment that names them."""
    dynamodb, kms = client("dynamodb"), client("kms")
    for name in ("AccountsTable", "ScratchTable"):
        dynamodb.create_table(TableName=name, **table_definition(name))
    secrets, sqs = client("secretsmanager"), client("sqs")
    client_secret = secrets.create_secret(Name="client-secret", SecretString=CLIENT_SECRET)
    state_key = secrets.create_secret(Name="state-key", SecretString="a state key of a good length")
    return {
        "ACCOUNTS_TABLE": "AccountsTable",
        "SCRATCH_TABLE": "ScratchTable",
        "KMS_KEY_ID": kms.create_key()["KeyMetadata"]["Arn"],
        "CLIENT_SECRET_ID": client_secret["ARN"],
        "STATE_KEY_ID": state_key["ARN"],
        "REFRESH_QUEUE_URL": sqs.create_queue(QueueName="refresh")["QueueUrl"],
        "RESCUE_QUEUE_URL": sqs.create_queue(QueueName="rescue")["QueueUrl"],
    }


@cache
def table_definition(logical_id: str) -> dict[str, Any]:
    """A table's keys and indexes as the template has them."""
    template = cfn_yaml.load(str(TEMPLATE))
    properties = template["Resources"][logical_id]["Properties"]
    wanted = ("KeySchema", "AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes")
    return {name: properties[name] for name in wanted if name in properties}


def table_key(hub_id: int) -> dict[str, dict[str, str]]:
    """An account's key in the Accounts table, as DynamoDB spells it."""
    return {"hub_id": {"N": str(hub_id)}, "holder": {"S": "account"}}


def a_minute() -> float:
    """How many seconds a function that has just begun has left."""
    return 60.0


@dataclass
class Clock:
    """A wall clock and a monotonic one with its own origin; both stand still until the test moves them."""

    now: float = 1_800_000_000.0
    origin: float = 1_799_990_000.0

    def __call__(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now - self.origin

    def forward(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Reports:
    """What was reported: ``(name, value, evidence)``, and sums by name."""

    entries: list[tuple[str, float, dict[str, object]]] = field(default_factory=list)

    def __call__(self, name: str, value: float = 1, **evidence: object) -> None:
        self.entries.append((name, value, evidence))

    def total(self, name: str) -> float:
        return sum(value for entry, value, _ in self.entries if entry == name)


class Stack(Product):
    """The product itself with the test's clocks and reports, and shorthands for what tests often do.

    ``client`` makes the AWS clients: a test may put something in front of them.
    """

    def __init__(self, environment: dict[str, str], clock: Clock, client: Callable[..., Any] = client) -> None:
        self.environment = environment
        self.reports = Reports()
        super().__init__(
            Settings.from_env({**ENVIRONMENT, **environment}),
            client=client,
            clock=clock,
            monotonic=clock.monotonic,
            sleep=clock.forward,
            report=self.reports,
        )
        self.dynamodb, self.kms, self.sqs = self.aws.dynamodb, self.aws.kms, self.aws.sqs
        self.secrets_manager = self.aws.secrets_manager

    def account(self, hub_id: int) -> Account | None:
        """What is stored of an account, if anything is."""
        return self.accounts.get(GrantKey.of_account(hub_id))

    def stored(self, hub_id: int) -> Account:
        """What is stored of an account that must be there."""
        account = self.account(hub_id)
        assert account
        return account

    def token(
        self,
        hub_id: int,
        min_ttl: int | None = None,
        rejected: str | None = None,
        remaining: Callable[[], float] = a_minute,
    ) -> AccessToken:
        """What the token route hands out."""
        return self.access_tokens.get(GrantKey.of_account(hub_id), min_ttl, rejected, remaining)

    def store(self, hub_id: int, tokens: Tokens, *, expires_in: int = 1800, **changes: Any) -> str:
        """An installed account with these tokens, issued now; its install_id."""
        key, install_id = GrantKey.of_account(hub_id), f"install-{hub_id}"
        now = int(self.clock())
        new = NewInstall(
            **{
                "key": key,
                "install_id": install_id,
                "sealed": self.vault.sealer().seal(tokens, key, install_id),
                "scopes": SCOPES,
                "issued_at": now,
                "expires_at": now + expires_in,
                "refresh_at": now + expires_in * 2 // 3,
                "binding": Binding.BOUND,
                "exchanged_at_ms": now * 1000,
                **changes,
            }
        )
        self.accounts.install(new, now)
        return new.install_id

    def rotate_client_secret(self, simulator: Simulator) -> None:
        """HubSpot takes only a new client secret, and the operator has stored it; the product holds the old one."""
        self.client_secret()
        self.sleep(REREAD_SECONDS)
        simulator.change(client_secret="rotated")
        self.secrets_manager.put_secret_value(SecretId=self.settings.client_secret_id, SecretString="rotated")

    def messages(self, queue_url: str) -> Iterator[str]:
        """The bodies of the queue's messages, each deleted as it is handed out, until the queue is empty."""
        while messages := self.sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
                yield message["Body"]

    def tick(self, remaining: Callable[[], float] = a_minute) -> None:
        """One minute's work, as AWS would do it: dispatch, then a worker for each message."""
        self.dispatcher.tick(remaining)
        for body in self.messages(self.settings.refresh_queue_url):
            self.worker.run([body], remaining)


def renewal_of(account: Account, **changes: Any) -> Renewal:
    """A commit over this very version of the row, with the row's own content unless it is changed."""
    kept = ("key", "install_id", "version", "sealed", "scopes", "issued_at", "expires_at")
    return Renewal(**{**{name: getattr(account, name) for name in kept}, "refresh_at": account.expires_at, **changes})


def record_calls(*clients: Any) -> list[str]:
    """The names of the operations that are called on these clients from now on, in their order."""
    made: list[str] = []
    for each in clients:
        each.meta.events.register("before-call", lambda model, **_: made.append(model.name))
    return made


def throttle_commits(stack: Stack, patch: "pytest.MonkeyPatch") -> None:
    """DynamoDB throttles every commit, and nothing else."""
    real: Callable[..., object] = stack.dynamodb.update_item

    def update_item(**request: object) -> object:
        if "version = :next" in str(request["UpdateExpression"]):
            raise stack.dynamodb.exceptions.ProvisionedThroughputExceededException(
                {"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "slow down"}}, "UpdateItem"
            )
        return real(**request)

    patch.setattr(stack.dynamodb, "update_item", update_item)
