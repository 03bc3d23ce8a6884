"""The composition root of what people meet while installing: links, redirects, callback, pages."""

import time
from functools import cache

from hubspot_oauth.adapters.credentials import StateKeys
from hubspot_oauth.adapters.telemetry import report
from hubspot_oauth.install.attempts import Attempts
from hubspot_oauth.install.browser import Browser
from hubspot_oauth.install.callback import Callback
from hubspot_oauth.install.exchange import Grants
from hubspot_oauth.install.pages import Pages
from hubspot_oauth.install.start import Starter
from hubspot_oauth.product import accounts, client, client_secret, hubspot, settings, vault


@cache
def starter() -> Starter:
    """Sends browsers to HubSpot."""
    return Starter(
        settings=settings(),
        hubspot=hubspot(),
        state_keys=_state_keys(),
        client_secret=client_secret(),
        clock=time.time,
    )


@cache
def callback() -> Callback:
    """Finishes installs."""
    grants = Grants(
        settings=settings(),
        hubspot=hubspot(),
        vault=vault(),
        accounts=accounts(),
        clock=time.time,
    )
    return Callback(
        settings=settings(),
        starter=starter(),
        grants=grants,
        attempts=Attempts(client("dynamodb"), settings().scratch_table),
        state_keys=_state_keys(),
        client_secret=client_secret(),
        report=report,
        clock=time.time,
    )


@cache
def browser() -> Browser:
    """Answers people."""
    return Browser(Pages(settings().brand, settings().app_url), settings().install_url, report)


@cache
def _state_keys() -> StateKeys:
    return StateKeys(client("secretsmanager"), settings().state_key_id, time.time)
