"""The figures themselves. Counted figures are the same on every machine; timed figures are ratios within one run."""

import random
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from hubspot_oauth.adapters.account_rows import account_from
from hubspot_oauth.adapters.accounts_table import SHARDS
from hubspot_oauth.adapters.refresh_queue import Batch
from hubspot_oauth.adapters.vault import Vault
from hubspot_oauth.domain.account import GrantKey
from hubspot_oauth.domain.clocks import Clock
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.tokens import Tokens
from hubspot_oauth.product import Product
from tests.bench.memory_aws import MemoryAws
from tests.bench.provider import ACCESS_TOKEN, REFRESH_TOKEN, provider
from tests.support import stack

CONCURRENCY = 8
WORKERS = 5
LIFETIME = 1800
TOKENS = Tokens(ACCESS_TOKEN, REFRESH_TOKEN)
ENVIRONMENT = {
    **stack.ENVIRONMENT,
    "REFRESH_CONCURRENCY": str(CONCURRENCY),
    "REFRESH_WORKERS": str(WORKERS),
    "REFRESH_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/1/refresh",
    "RESCUE_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/1/rescue",
}


def product(aws: MemoryAws, clock: Clock = time.time, **environment: str) -> Product:
    """The product, with AWS in memory."""
    settings = Settings.from_env({**ENVIRONMENT, **environment})
    return Product(settings, client=aws.client, clock=clock, report=stack.Reports())


def an_hour() -> float:
    return 3600.0


def account_row(vault: Vault, hub_id: int) -> dict[str, Any]:
    """A due account's row as the product writes it, as plain values, with every attribute of a leased row."""
    now = int(time.time())
    key, install_id = GrantKey.of_account(hub_id), f"{hub_id:024x}"
    return {
        "hub_id": key.hub_id,
        "holder": key.holder,
        "install_id": install_id,
        "version": 100,
        "status": "active",
        "status_since": now,
        "sealed": vault.sealer().seal(TOKENS, key, install_id),
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
    }


def item_bytes(row: dict[str, Any]) -> int:
    """The size DynamoDB bills: names and values; a number takes one byte for two digits, and one byte more."""
    return sum(len(name) + _value_bytes(value) for name, value in row.items())


def _value_bytes(value: int | str | bytes) -> int:
    return len(str(value)) // 2 + 2 if isinstance(value, int) else len(value)


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


def throughput(latency: float, accounts: int) -> tuple[Throughput, Counter[str]]:
    """One worker refreshes `accounts` due accounts; also returns the calls it made to AWS."""
    aws = MemoryAws()
    vault = product(aws).vault  # not the worker's, so that the worker has to ask KMS for the data key
    for hub_id in range(1, accounts + 1):
        aws.put(account_row(vault, hub_id))
    keys = tuple(aws.rows)
    # One long message instead of many: the pauses between messages are not the worker's.
    with provider(latency) as url:
        worker = product(aws, HUBSPOT_API_URL=url).worker
        worker.run([_message(keys[: CONCURRENCY * 2])], an_hour)  # warm-up: connections and data keys
        aws.calls.clear()
        started = time.perf_counter()
        worker.run([_message(keys)], an_hour)
        seconds = time.perf_counter() - started
    return Throughput(latency, accounts, accounts / seconds), aws.calls


def _message(keys: tuple[GrantKey, ...]) -> str:
    return Batch(keys, write_successes=False, queued_at=time.time(), tick="bench").body()


def kms_calls_a_refresh(accounts: int, workers: int = WORKERS, lifetimes: int = 3) -> float:
    """KMS calls for each refresh once every row has been sealed again, by a clock that this function moves."""
    aws, clock = MemoryAws(), stack.Clock(now=0.0)
    vaults = [product(aws, clock).vault for _ in range(workers)]
    chance = random.Random(1)
    rows = [account_from(account_row(chance.choice(vaults), hub_id)) for hub_id in range(accounts)]
    interval = LIFETIME * 2 / 3
    for lifetime in range(lifetimes):
        aws.calls.clear()  # the last lifetime counts
        for number, row in enumerate(rows):
            clock.now = interval * (lifetime + number / accounts)
            vault = chance.choice(vaults)
            sealer = vault.sealer()
            tokens = vault.unseal(row)
            rows[number] = replace(row, sealed=sealer.seal(tokens, row.key, row.install_id))
    return aws.calls.total() / accounts


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
    for hub_id in range(1, accounts + 1):
        index[hub_id % SHARDS].append((now - 1 if hub_id <= due else now + 600, hub_id))
    aws = MemoryAws(due=index)
    dispatcher = product(aws).dispatcher
    started = time.perf_counter()
    assert dispatcher.tick(an_hour) == due
    return Dispatch(accounts, due, time.perf_counter() - started, aws.calls)
