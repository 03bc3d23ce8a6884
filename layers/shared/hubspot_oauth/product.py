"""The composition root: builds each part once per container, from the environment, when it is first needed.

What people meet while installing is built in ``bootstrap_install``: the functions that hand out and refresh tokens load
no page and no signature of a state.
"""

import os
import time
from functools import cache
from typing import Any, Literal

import boto3
from botocore.config import Config

from hubspot_oauth.adapters.accounts_index import Listing
from hubspot_oauth.adapters.accounts_table import Accounts
from hubspot_oauth.adapters.credentials import ClientSecret
from hubspot_oauth.adapters.hubspot import HubSpot
from hubspot_oauth.adapters.rescue_queue import RescueQueue
from hubspot_oauth.adapters.telemetry import report
from hubspot_oauth.adapters.vault import Vault
from hubspot_oauth.api.accounts import Directory
from hubspot_oauth.api.disconnect import Disconnector
from hubspot_oauth.api.tokens import TokenVendor
from hubspot_oauth.domain import timing
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.refresh.breaker import Breaker
from hubspot_oauth.refresh.dispatcher import Dispatcher
from hubspot_oauth.refresh.keeper import Keeper
from hubspot_oauth.refresh.refresher import Refresher
from hubspot_oauth.refresh.worker import Worker

AWS_CONFIG = Config(
    connect_timeout=timing.AWS_CONNECT_SECONDS,
    read_timeout=timing.AWS_READ_SECONDS,
    retries={"mode": "standard", "total_max_attempts": timing.AWS_ATTEMPTS},
    user_agent="hubspot-oauth",  # botocore composes its own twice for each call: a quarter of what a call costs
)


@cache
def settings() -> Settings:
    """The environment, parsed.

    Raises:
        SettingsError: Naming every fault at once.
    """
    return Settings.from_env(os.environ)


@cache
def vendor() -> TokenVendor:
    """Hands out access tokens."""
    return TokenVendor(
        accounts=accounts(),
        vault=vault(),
        refresher=_refresher(),
        breaker=_breaker(),
        report=report,
        clock=time.time,
        monotonic=time.monotonic,
        sleep=time.sleep,
        margin_percent=settings().margin_percent,
    )


@cache
def dispatcher() -> Dispatcher:
    """Queues who is due."""
    return Dispatcher(
        accounts=accounts(),
        breaker=_breaker(),
        sqs=client("sqs"),
        queue_url=settings().refresh_queue_url,
        report=report,
        concurrency=settings().refresh_concurrency,
        workers=settings().refresh_workers,
        clock=time.time,
    )


@cache
def worker() -> Worker:
    """Refreshes what is queued."""
    return Worker(
        accounts=accounts(),
        refresher=_refresher(),
        breaker=_breaker(),
        report=report,
        concurrency=settings().refresh_concurrency,
        clock=time.time,
        monotonic=time.monotonic,
    )


@cache
def disconnector() -> Disconnector:
    """Leaves accounts."""
    return Disconnector(
        accounts=accounts(),
        vault=vault(),
        hubspot=hubspot(),
        client_secret=client_secret(),
        report=report,
        clock=time.time,
    )


@cache
def directory() -> Directory:
    """Shows who is connected."""
    listing = Listing(client("dynamodb"), settings().accounts_table)
    return Directory(accounts(), listing, settings().missing_scopes)


@cache
def accounts() -> Accounts:
    """The Accounts table."""
    return Accounts(client("dynamodb"), settings().accounts_table)


@cache
def _refresher() -> Refresher:
    return Refresher(
        accounts=accounts(),
        vault=vault(),
        hubspot=hubspot(),
        client_secret=client_secret(),
        breaker=_breaker(),
        keeper=Keeper(
            accounts=accounts(),
            rescue=RescueQueue(client("sqs"), settings().rescue_queue_url),
            report=report,
        ),
        report=report,
        clock=time.time,
        monotonic=time.monotonic,
        margin_percent=settings().margin_percent,
    )


@cache
def hubspot() -> HubSpot:
    """HubSpot's API, over pooled connections."""
    return HubSpot(settings(), client_secret(), pool=settings().refresh_concurrency)


@cache
def vault() -> Vault:
    """Seals and opens tokens."""
    return Vault(client("kms"), settings().kms_key_id, settings().client_id, time.time)


@cache
def _breaker() -> Breaker:
    return Breaker(client("dynamodb"), settings().scratch_table, report, time.time)


@cache
def client_secret() -> ClientSecret:
    """The app's client secret."""
    return ClientSecret(client("secretsmanager"), settings().client_secret_id, time.time)


@cache
def client(service: Literal["dynamodb", "kms", "secretsmanager", "sqs"]) -> Any:  # noqa: ANN401 - four client types
    """An AWS client, with the time-outs that timing.py counts on."""
    pool = Config(max_pool_connections=max(10, settings().refresh_concurrency))  # one for each refresh at once
    return boto3.client(service, config=AWS_CONFIG.merge(pool))
