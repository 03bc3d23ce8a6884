"""The composition root: builds each part once per container, from the environment, when it is first needed."""

import os
import time
from functools import cache
from typing import Any, Literal

import boto3
from botocore.config import Config

from hubspot_oauth import lifetimes
from hubspot_oauth.accounts import Accounts
from hubspot_oauth.attempts import Attempts
from hubspot_oauth.breaker import Breaker
from hubspot_oauth.callback import Callback
from hubspot_oauth.config import Settings
from hubspot_oauth.credentials import ClientSecret, StateKeys
from hubspot_oauth.directory import Directory
from hubspot_oauth.disconnect import Disconnector
from hubspot_oauth.dispatch import Dispatcher
from hubspot_oauth.grants import Grants
from hubspot_oauth.hubspot import HubSpot
from hubspot_oauth.keeping import Keeper
from hubspot_oauth.listing import Listing
from hubspot_oauth.observe import report
from hubspot_oauth.pages import Pages
from hubspot_oauth.refresh import Refresher
from hubspot_oauth.rescue import RescueQueue
from hubspot_oauth.start import Starter
from hubspot_oauth.tokens import TokenVendor
from hubspot_oauth.vault import Vault
from hubspot_oauth.web import Browser
from hubspot_oauth.worker import Worker

AWS_CONFIG = Config(
    connect_timeout=lifetimes.AWS_CONNECT_SECONDS,
    read_timeout=lifetimes.AWS_READ_SECONDS,
    retries={"mode": "standard", "total_max_attempts": lifetimes.AWS_ATTEMPTS},
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
def starter() -> Starter:
    """Sends browsers to HubSpot."""
    return Starter(
        settings=settings(),
        hubspot=_hubspot(),
        state_keys=_state_keys(),
        client_secret=_client_secret(),
        clock=time.time,
    )


@cache
def callback() -> Callback:
    """Finishes installs."""
    grants = Grants(settings=settings(), hubspot=_hubspot(), vault=_vault(), accounts=accounts(), clock=time.time)
    return Callback(
        settings=settings(),
        starter=starter(),
        grants=grants,
        attempts=Attempts(_client("dynamodb"), settings().scratch_table),
        state_keys=_state_keys(),
        client_secret=_client_secret(),
        report=report,
        clock=time.time,
    )


@cache
def browser() -> Browser:
    """Answers people."""
    return Browser(Pages(settings().brand, settings().app_url), lambda host: starter().install_url(host), report)


@cache
def vendor() -> TokenVendor:
    """Hands out access tokens."""
    return TokenVendor(
        accounts=accounts(),
        vault=_vault(),
        refresher=_refresher(),
        breaker=_breaker(),
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
        sqs=_client("sqs"),
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
        vault=_vault(),
        hubspot=_hubspot(),
        client_secret=_client_secret(),
        report=report,
        clock=time.time,
    )


@cache
def directory() -> Directory:
    """Shows who is connected."""
    listing = Listing(_client("dynamodb"), settings().accounts_table)
    return Directory(accounts(), listing, settings().requested_scopes)


@cache
def accounts() -> Accounts:
    """The Accounts table."""
    return Accounts(_client("dynamodb"), settings().accounts_table)


@cache
def _refresher() -> Refresher:
    return Refresher(
        accounts=accounts(),
        vault=_vault(),
        hubspot=_hubspot(),
        client_secret=_client_secret(),
        breaker=_breaker(),
        keeper=Keeper(
            accounts=accounts(),
            rescue=RescueQueue(_client("sqs"), settings().rescue_queue_url),
            report=report,
        ),
        report=report,
        clock=time.time,
        monotonic=time.monotonic,
        margin_percent=settings().margin_percent,
    )


@cache
def _hubspot() -> HubSpot:
    return HubSpot(settings(), _client_secret(), pool=settings().refresh_concurrency)


@cache
def _vault() -> Vault:
    return Vault(_client("kms"), settings().kms_key_id, settings().client_id, time.monotonic)


@cache
def _breaker() -> Breaker:
    return Breaker(_client("dynamodb"), settings().scratch_table, report, time.time)


@cache
def _client_secret() -> ClientSecret:
    return ClientSecret(_client("secretsmanager"), settings().client_secret_id, time.monotonic)


@cache
def _state_keys() -> StateKeys:
    return StateKeys(_client("secretsmanager"), settings().state_key_id, time.monotonic)


@cache
def _client(service: Literal["dynamodb", "kms", "secretsmanager", "sqs"]) -> Any:  # noqa: ANN401 - four client types
    pool = Config(max_pool_connections=max(10, settings().refresh_concurrency))  # one for each refresh at once
    return boto3.client(service, config=AWS_CONFIG.merge(pool))
