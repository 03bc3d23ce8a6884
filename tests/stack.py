"""The product on moto, in this process: the template's own tables and key, the real parts, a clock the test moves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import moto  # noqa: F401 - has to be there before a session is made
from cfnlint.decode import cfn_yaml

from hubspot_oauth.adapters.accounts_table import Accounts, NewInstall
from hubspot_oauth.adapters.credentials import REREAD_SECONDS, ClientSecret, StateKeys
from hubspot_oauth.adapters.hubspot import HubSpot
from hubspot_oauth.adapters.rescue_queue import RescueQueue
from hubspot_oauth.adapters.vault import Vault
from hubspot_oauth.api.disconnect import Disconnector
from hubspot_oauth.api.tokens import TokenVendor
from hubspot_oauth.domain.models import Binding, Tokens
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.install.attempts import Attempts
from hubspot_oauth.install.callback import Callback
from hubspot_oauth.install.exchange import Grants
from hubspot_oauth.install.start import Starter
from hubspot_oauth.product import AWS_CONFIG
from hubspot_oauth.refresh.breaker import Breaker
from hubspot_oauth.refresh.dispatcher import Dispatcher
from hubspot_oauth.refresh.keeper import Keeper
from hubspot_oauth.refresh.refresher import Refresher
from hubspot_oauth.refresh.worker import Worker
from simulator import Simulator

TEMPLATE = Path(__file__).parent.parent / "template.yaml"
ENVIRONMENT = {
    "APP_NAME": "Example",
    "BRAND_COLOR": "#0b6e69",
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


@cache
def client(service: str) -> Any:
    """A client of moto's AWS, configured as the product's are; it outlives the account that it speaks to."""
    return _session.client(service, config=AWS_CONFIG)


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


def a_minute() -> float:
    """What is left of a function that has just begun."""
    return 60.0


@dataclass
class Clock:
    """A clock that stands still until the test moves it. Serves as wall clock and as monotonic clock."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

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


class Stack:
    """The product's parts, put together as bootstrap.py does, with the test's clock and reports.

    ``client`` makes the AWS clients: a test may put something in front of them.
    """

    def __init__(
        self, environment: dict[str, str], clock: Callable[[], float], client: Callable[..., Any] = client
    ) -> None:
        self.settings = Settings.from_env({**ENVIRONMENT, **environment})
        self.environment = environment
        self.clock = clock
        self.reports = Reports()
        self.dynamodb, self.kms = client("dynamodb"), client("kms")
        self.secrets, self.sqs = client("secretsmanager"), client("sqs")
        self.accounts = Accounts(self.dynamodb, self.settings.accounts_table)
        self.attempts = Attempts(self.dynamodb, self.settings.scratch_table)
        self.breaker = Breaker(self.dynamodb, self.settings.scratch_table, self.reports, clock)
        self.client_secret = ClientSecret(self.secrets, self.settings.client_secret_id, clock)
        self.state_keys = StateKeys(self.secrets, self.settings.state_key_id, clock)
        self.vault = Vault(self.kms, self.settings.kms_key_id, self.settings.client_id, clock)
        self.hubspot = HubSpot(self.settings, self.client_secret, pool=4)
        self.rescue = RescueQueue(self.sqs, self.settings.rescue_queue_url)
        self.starter = Starter(
            settings=self.settings,
            hubspot=self.hubspot,
            state_keys=self.state_keys,
            client_secret=self.client_secret,
            clock=clock,
        )
        self.grants = Grants(
            settings=self.settings, hubspot=self.hubspot, vault=self.vault, accounts=self.accounts, clock=clock
        )
        self.callback = Callback(
            settings=self.settings,
            starter=self.starter,
            grants=self.grants,
            attempts=self.attempts,
            state_keys=self.state_keys,
            client_secret=self.client_secret,
            report=self.reports,
            clock=clock,
        )
        self.keeper = Keeper(accounts=self.accounts, rescue=self.rescue, report=self.reports, sleep=self.sleep)
        self.refresher = Refresher(
            accounts=self.accounts,
            vault=self.vault,
            hubspot=self.hubspot,
            client_secret=self.client_secret,
            breaker=self.breaker,
            keeper=self.keeper,
            report=self.reports,
            clock=clock,
            monotonic=clock,
            margin_percent=self.settings.margin_percent,
        )
        self.vendor = TokenVendor(
            accounts=self.accounts,
            vault=self.vault,
            refresher=self.refresher,
            breaker=self.breaker,
            report=self.reports,
            clock=clock,
            monotonic=clock,
            sleep=self.sleep,
            margin_percent=self.settings.margin_percent,
        )
        self.disconnector = Disconnector(
            accounts=self.accounts,
            vault=self.vault,
            hubspot=self.hubspot,
            client_secret=self.client_secret,
            report=self.reports,
            clock=clock,
        )
        self.dispatcher = Dispatcher(
            accounts=self.accounts,
            breaker=self.breaker,
            sqs=self.sqs,
            queue_url=self.settings.refresh_queue_url,
            report=self.reports,
            concurrency=self.settings.refresh_concurrency,
            workers=self.settings.refresh_workers,
            clock=clock,
        )
        self.worker = Worker(
            accounts=self.accounts,
            refresher=self.refresher,
            breaker=self.breaker,
            report=self.reports,
            concurrency=self.settings.refresh_concurrency,
            clock=clock,
            monotonic=clock,
        )

    def sleep(self, seconds: float) -> None:
        if isinstance(self.clock, Clock):
            self.clock.forward(seconds)

    def store(self, hub_id: int, tokens: Tokens, *, expires_in: int = 1800, **changes: Any) -> str:
        """An installed account with these tokens, issued now; its install_id."""
        install_id = f"install-{hub_id}"
        now = int(self.clock())
        new = NewInstall(
            **{
                "hub_id": hub_id,
                "install_id": install_id,
                "sealed": self.vault.sealer().seal(tokens, hub_id, install_id),
                "scopes": SCOPES,
                "issued_at": now,
                "expires_at": now + expires_in,
                "refresh_at": now + expires_in * 2 // 3,
                "binding": Binding.BOUND,
                "sent_at_ms": now * 1000,
                **changes,
            }
        )
        self.accounts.install(new, now)
        return new.install_id

    def rotate_client_secret(self, simulator: Simulator) -> None:
        """HubSpot takes another client secret from now on, and the operator has set it; ours was read not long ago."""
        self.client_secret()
        self.sleep(REREAD_SECONDS)
        simulator.change(client_secret="rotated")
        self.secrets.put_secret_value(SecretId=self.settings.client_secret_id, SecretString="rotated")

    def tick(self, remaining: Callable[[], float] = a_minute) -> None:
        """One minute's work, as AWS would do it: dispatch, then a worker for each message."""
        self.dispatcher.tick(remaining)
        while messages := self.sqs.receive_message(
            QueueUrl=self.settings.refresh_queue_url, MaxNumberOfMessages=10
        ).get("Messages"):
            for message in messages:
                self.sqs.delete_message(
                    QueueUrl=self.settings.refresh_queue_url, ReceiptHandle=message["ReceiptHandle"]
                )
                self.worker.run([message["Body"]], remaining)
