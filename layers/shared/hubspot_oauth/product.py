"""The composition root: it builds every part of the product when the part is first used.

Functions, tests and benchmarks all build ``Product``. Production passes only the settings; a test also passes its own
clients, clocks, randomness and report. A service is a dataclass, and each of its fields has the name of the part it
receives, so a service cannot receive the wrong part.

The parts of the install flow are imported when they are first used, so that the functions that hand out and refresh
tokens load neither Jinja2 nor itsdangerous.
"""

import os
import random
import time
from collections.abc import Callable
from dataclasses import fields
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import boto3

from hubspot_oauth.adapters.accounts_index import AccountsIndex
from hubspot_oauth.adapters.accounts_table import AccountsTable
from hubspot_oauth.adapters.aws import Clients
from hubspot_oauth.adapters.client_secret import ClientSecret
from hubspot_oauth.adapters.hubspot import HubSpot
from hubspot_oauth.adapters.refresh_queue import RefreshQueue
from hubspot_oauth.adapters.rescue_queue import RescueQueue
from hubspot_oauth.adapters.telemetry import Report, report
from hubspot_oauth.adapters.vault import Vault
from hubspot_oauth.api.access_tokens import AccessTokens
from hubspot_oauth.api.accounts import AccountsRoute
from hubspot_oauth.api.adopt import AdoptRoute
from hubspot_oauth.api.disconnect import DisconnectRoute
from hubspot_oauth.api.signed_calls import SignedCalls
from hubspot_oauth.api.token_route import TokenRoute
from hubspot_oauth.domain.clocks import Clock, Monotonic, Roll, Sleep
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.refresh.breaker import Breaker
from hubspot_oauth.refresh.dispatcher import Dispatcher
from hubspot_oauth.refresh.refresher import Refresher
from hubspot_oauth.refresh.rescue_consumer import RescueConsumer
from hubspot_oauth.refresh.rescuing_store import RescuingStore
from hubspot_oauth.refresh.worker import Worker

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from hubspot_oauth.adapters.state_keys import StateKeys
    from hubspot_oauth.api.install_links import InstallLinksRoute
    from hubspot_oauth.install.allowed_destinations import AllowedDestinations
    from hubspot_oauth.install.callback import Callback
    from hubspot_oauth.install.code_exchange import CodeExchange
    from hubspot_oauth.install.grant_check import GrantCheck
    from hubspot_oauth.install.install_routes import BrowserAnswers, CallbackRoute, StartRoute
    from hubspot_oauth.install.links import Links
    from hubspot_oauth.install.pages import Pages
    from hubspot_oauth.install.spent_codes import SpentCodes
    from hubspot_oauth.install.start import Starter

_Service = TypeVar("_Service", bound="DataclassInstance")


def _built(product: "Product", service: type[_Service]) -> _Service:
    """Build a service; each of its fields gets the part of the same name."""
    return service(**{field.name: getattr(product, field.name) for field in fields(service) if field.init})


def _part(service: type[_Service]) -> "cached_property[_Service]":
    """A service that the product builds when it is first used."""
    return cached_property(lambda product: _built(product, service))


class Product:
    """Every part of the product, for one HubSpot app.

    Args:
        settings: The functions' configuration.
        client: Makes an AWS client from a service name and ``config``, as ``boto3.client`` does.
        clock, monotonic, sleep, roll: Time and randomness, as ``domain/clocks.py`` defines them.
        report: Counts an event in a metric and logs it.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        client: Callable[..., Any] = boto3.client,
        clock: Clock = time.time,
        monotonic: Monotonic = time.monotonic,
        sleep: Sleep = time.sleep,
        roll: Roll = random.random,
        report: Report = report,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.monotonic = monotonic
        self.sleep = sleep
        self.roll = roll
        self.report = report
        self.aws = Clients(client, connections=settings.refresh_concurrency)

    # The install flow.

    @cached_property
    def start_route(self) -> "StartRoute":
        from hubspot_oauth.install.install_routes import StartRoute

        return _built(self, StartRoute)

    @cached_property
    def callback_route(self) -> "CallbackRoute":
        from hubspot_oauth.install.install_routes import CallbackRoute

        return _built(self, CallbackRoute)

    @cached_property
    def browser_answers(self) -> "BrowserAnswers":
        from hubspot_oauth.install.install_routes import BrowserAnswers

        return _built(self, BrowserAnswers)

    @cached_property
    def starter(self) -> "Starter":
        from hubspot_oauth.install.start import Starter

        return _built(self, Starter)

    @cached_property
    def callback(self) -> "Callback":
        from hubspot_oauth.install.callback import Callback

        return _built(self, Callback)

    @cached_property
    def code_exchange(self) -> "CodeExchange":
        from hubspot_oauth.install.code_exchange import CodeExchange

        return _built(self, CodeExchange)

    @cached_property
    def destinations(self) -> "AllowedDestinations":
        from hubspot_oauth.install.allowed_destinations import AllowedDestinations

        return _built(self, AllowedDestinations)

    @cached_property
    def grant_check(self) -> "GrantCheck":
        from hubspot_oauth.install.grant_check import GrantCheck

        return _built(self, GrantCheck)

    @cached_property
    def links(self) -> "Links":
        from hubspot_oauth.install.links import Links

        return _built(self, Links)

    @cached_property
    def pages(self) -> "Pages":
        from hubspot_oauth.install.pages import Pages

        return Pages(self.settings.brand, app_url=self.settings.app_url)

    @cached_property
    def spent_codes(self) -> "SpentCodes":
        from hubspot_oauth.install.spent_codes import SpentCodes

        return SpentCodes(self.aws.dynamodb, self.settings.scratch_table, self.sleep, self.roll)

    @cached_property
    def state_keys(self) -> "StateKeys":
        from hubspot_oauth.adapters.state_keys import StateKeys

        return StateKeys(self.aws.secrets_manager, self.settings.state_key_id, self.clock)

    # The routes for programs.

    token_route = _part(TokenRoute)
    accounts_route = _part(AccountsRoute)
    disconnect_route = _part(DisconnectRoute)
    adopt_route = _part(AdoptRoute)

    @cached_property
    def install_links_route(self) -> "InstallLinksRoute":
        from hubspot_oauth.api.install_links import InstallLinksRoute

        return _built(self, InstallLinksRoute)

    access_tokens = _part(AccessTokens)
    signed_calls = _part(SignedCalls)

    # Refreshing.

    dispatcher = _part(Dispatcher)
    worker = _part(Worker)
    refresher = _part(Refresher)
    rescuing_store = _part(RescuingStore)
    rescue_consumer = _part(RescueConsumer)

    @cached_property
    def breaker(self) -> Breaker:
        return Breaker(self.aws.dynamodb, self.settings.scratch_table, self.report, self.clock)

    # Adapters.

    @cached_property
    def accounts(self) -> AccountsTable:
        return AccountsTable(self.aws.dynamodb, self.settings.accounts_table)

    @cached_property
    def accounts_index(self) -> AccountsIndex:
        return AccountsIndex(self.aws.dynamodb, self.settings.accounts_table)

    @cached_property
    def refresh_queue(self) -> RefreshQueue:
        return RefreshQueue(self.aws.sqs, self.settings.refresh_queue_url)

    @cached_property
    def rescue_queue(self) -> RescueQueue:
        return RescueQueue(self.aws.sqs, self.settings.rescue_queue_url)

    @cached_property
    def vault(self) -> Vault:
        key_id, client_id = self.settings.kms_key_id, self.settings.client_id
        return Vault(self.aws.kms, key_id=key_id, client_id=client_id, report=self.report, clock=self.clock)

    @cached_property
    def hubspot(self) -> HubSpot:
        return HubSpot(self.settings, self.client_secret, self.monotonic)

    @cached_property
    def client_secret(self) -> ClientSecret:
        return ClientSecret(self.aws.secrets_manager, self.settings.client_secret_id, self.clock)


@cache
def deployed() -> Product:
    """The container's only ``Product``, built from its environment.

    Raises:
        SettingsError: A variable is missing or malformed; the error names every fault.
    """
    return Product(Settings.from_env(os.environ))
