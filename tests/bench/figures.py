"""The figures themselves. Counted ones are the same on every machine; timed ones are ratios of one run."""

import base64
import json
import random
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from hubspot_oauth.adapters.accounts_table import SHARDS, AccountsTable
from hubspot_oauth.adapters.client_secret import ClientSecret
from hubspot_oauth.adapters.hubspot import HubSpot
from hubspot_oauth.adapters.rescue_queue import RescueQueue
from hubspot_oauth.adapters.vault import Vault
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.tokens import Tokens
from hubspot_oauth.refresh.breaker import Breaker
from hubspot_oauth.refresh.dispatcher import Dispatcher
from hubspot_oauth.refresh.keeper import Keeper
from hubspot_oauth.refresh.refresher import Refresher
from hubspot_oauth.refresh.worker import Worker
from tests.bench.memory_aws import MemoryAws
from tests.bench.provider import ACCESS_TOKEN, REFRESH_TOKEN, provider
from tests.stack import ENVIRONMENT, Reports

CONCURRENCY = 8
LIFETIME = 1800
TOKENS = Tokens(ACCESS_TOKEN, REFRESH_TOKEN)
CLIENT_ID = ENVIRONMENT["HUBSPOT_CLIENT_ID"]


def an_hour() -> float:
    return 3600.0


def account_row(vault: Vault, hub_id: int, **changes: Any) -> dict[str, Any]:
    """A row as the product writes it, in DynamoDB's JSON."""
    now = int(time.time())
    install_id = f"{hub_id:024x}"
    row = {
        "hub_id": hub_id,
        "install_id": install_id,
        "version": 100,
        "status": "active",
        "status_since": now,
        "sealed": vault.sealer().seal(TOKENS, hub_id, install_id),
        "scopes": "oauth crm.objects.contacts.read crm.objects.deals.read",
        "issued_at": now - LIFETIME,
        "expires_at": now,
        "refresh_at": now,
        "refresh_shard": hub_id % SHARDS,
        "binding": "bound",
        "client_reference_id": f"customer-{hub_id}",
        "exchanged_at_ms": now * 1000,
        "installed_at": now,
        "lease_owner": "0123456789abcdef",
        "lease_until": now + 40,
        "attempts": 1,
        **changes,
    }
    return {name: TypeSerializer().serialize(value) for name, value in row.items()}


def item_bytes(row: dict[str, Any]) -> int:
    """The size DynamoDB bills: names and values; a number is half its digits and one byte."""
    return sum(len(name) + _value_bytes(value) for name, value in row.items())


def _value_bytes(value: dict[str, Any]) -> int:
    [(kind, content)] = value.items()
    return len(content) // 2 + 2 if kind == "N" else len(getattr(content, "value", content))


def without_binaries(rows: dict[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Rows as they travel in JSON."""

    def travelling(value: dict[str, Any]) -> dict[str, Any]:
        return {"B": base64.b64encode(bytes(value["B"])).decode()} if "B" in value else value

    return {hub_id: {name: travelling(value) for name, value in row.items()} for hub_id, row in rows.items()}


@dataclass(frozen=True)
class Throughput:
    """Refreshes a second of one worker, beside the bound that the provider's latency sets."""

    latency: float
    accounts: int
    per_second: float

    @property
    def bound(self) -> float:
        return CONCURRENCY / self.latency

    @property
    def share(self) -> float:
        return self.per_second / self.bound


def worker_on(aws: MemoryAws, url: str) -> Worker:
    settings = Settings.from_env(
        {**ENVIRONMENT, "HUBSPOT_API_URL": url, "HUBSPOT_APP_URL": url, "REFRESH_CONCURRENCY": str(CONCURRENCY)}
    )
    dynamodb = aws.client("dynamodb")
    accounts, breaker = AccountsTable(dynamodb, "accounts"), Breaker(dynamodb, "scratch", Reports(), time.time)
    secret = ClientSecret(aws.client("secretsmanager"), "secret", time.monotonic)
    refresher = Refresher(
        accounts=accounts,
        vault=Vault(aws.client("kms"), "key", CLIENT_ID, time.monotonic),
        hubspot=HubSpot(settings, secret, pool=CONCURRENCY),
        client_secret=secret,
        breaker=breaker,
        keeper=Keeper(
            accounts=accounts,
            rescue=RescueQueue(aws.client("sqs"), "https://sqs.eu-central-1.amazonaws.com/1/rescue"),
            report=Reports(),
        ),
        report=Reports(),
        clock=time.time,
        monotonic=time.monotonic,
        margin_percent=33,
    )
    return Worker(
        accounts=accounts,
        refresher=refresher,
        breaker=breaker,
        report=Reports(),
        concurrency=CONCURRENCY,
        clock=time.time,
        monotonic=time.monotonic,
    )


def message(hub_ids: list[int]) -> str:
    return json.dumps({"hub_ids": hub_ids, "watched": False, "queued_at": time.time(), "tick": "a test"})


def throughput(latency: float, accounts: int) -> tuple[Throughput, Counter[str]]:
    """One worker over `accounts` due accounts; the calls it made to AWS."""
    aws = MemoryAws()
    vault = Vault(aws.client("kms"), "key", CLIENT_ID, time.monotonic)
    aws.rows = without_binaries({hub_id: account_row(vault, hub_id) for hub_id in range(1, accounts + 1)})
    hub_ids = list(aws.rows)
    # One long message instead of many: a pause between two is not the worker's.
    with provider(latency) as url:
        worker = worker_on(aws, url)
        worker.run([message(hub_ids[: CONCURRENCY * 2])], an_hour)  # connections and data keys
        aws.calls.clear()
        started = time.perf_counter()
        worker.run([message(hub_ids)], an_hour)
        seconds = time.perf_counter() - started
    return Throughput(latency, accounts, accounts / seconds), aws.calls


def kms_calls_a_refresh(accounts: int, workers: int = 5, lifetimes: int = 3) -> float:
    """KMS calls for each refresh once every row has been sealed anew, with a clock that is moved."""
    aws, now = MemoryAws(), [0.0]
    kms = aws.client("kms")
    vaults = [Vault(kms, "key", CLIENT_ID, lambda: now[0]) for _ in range(workers)]
    chance = random.Random(1)
    sealed = {hub_id: chance.choice(vaults).sealer().seal(TOKENS, hub_id, "install") for hub_id in range(accounts)}
    interval = LIFETIME * 2 / 3
    refreshes = 0
    for round_number in range(lifetimes):
        if round_number == lifetimes - 1:
            aws.calls.clear()
            refreshes = 0
        for hub_id in range(accounts):
            now[0] = interval * (round_number + hub_id / accounts)
            vault = chance.choice(vaults)
            sealer = vault.sealer()
            vault.unseal(sealed[hub_id], hub_id, "install")
            sealed[hub_id] = sealer.seal(TOKENS, hub_id, "install")
            refreshes += 1
    return sum(aws.calls.values()) / refreshes


@dataclass(frozen=True)
class Dispatch:
    """One tick of the dispatcher."""

    accounts: int
    due: int
    seconds: float
    calls: Counter[str]

    def seconds_at(self, round_trip: float) -> float:
        return self.seconds + round_trip * sum(self.calls.values())


def dispatch(accounts: int, due: int) -> Dispatch:
    """A tick that finds `due` of `accounts` due."""
    now = int(time.time())
    index: dict[int, list[tuple[int, int]]] = {shard: [] for shard in range(SHARDS)}
    for hub_id in range(accounts):
        index[hub_id % SHARDS].append((now - 1 if hub_id < due else now + 600, hub_id + 1))
    aws = MemoryAws(due={shard: sorted(rows) for shard, rows in index.items()})
    dynamodb = aws.client("dynamodb")
    dispatcher = Dispatcher(
        accounts=AccountsTable(dynamodb, "accounts"),
        breaker=Breaker(dynamodb, "scratch", Reports(), time.time),
        sqs=aws.client("sqs"),
        queue_url="https://sqs.eu-central-1.amazonaws.com/1/refresh",
        report=Reports(),
        concurrency=CONCURRENCY,
        workers=5,
        clock=time.time,
    )
    started = time.perf_counter()
    assert dispatcher.tick(an_hour) == due
    return Dispatch(accounts, due, time.perf_counter() - started, aws.calls)
