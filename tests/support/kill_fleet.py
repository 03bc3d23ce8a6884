"""The accounts of a run of random kills: stored as an install stores them, and read back from the twin's table."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import requests

from hubspot_oauth.adapters.account_rows import account_from
from hubspot_oauth.adapters.dynamodb import plain
from hubspot_oauth.domain import call_timeouts, refresh_timing
from hubspot_oauth.domain.account import Account, Binding, GrantKey, NewInstall, Status
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.tokens import Tokens
from hubspot_oauth.product import Product
from simulator.configuration import DEFAULT_CLIENT_ID
from simulator.control import FIRST_HUB_ID
from tests.support.kill_plan import Run
from tests.support.stack import ENVIRONMENT
from tests.support.twin_client import TwinClient

LIFETIME = 120  # seconds of a token
MARGIN_PERCENT = 33  # the template's default
INTERVAL = int(LIFETIME * (1 - MARGIN_PERCENT / 100 - refresh_timing.JITTER_SHARE / 2))  # from one refresh to the next
GRACE = 5  # seconds an account may be due or leased before it counts as stale
LEASED = "attribute_exists(lease_owner)"


def store_fleet(twin: TwinClient, run: Run) -> None:
    """Accounts as an install stores them, due one after another for as long as it takes a token to become due."""
    wanted = {"count": run.plan.accounts, "first_hub_id": FIRST_HUB_ID + len(run.hub_ids)}
    grants = requests.post(f"{twin.hubspot_url}/_sim/grants", json=wanted, timeout=60)
    minted = [json.loads(line) for line in grants.text.splitlines()]
    product = product_of(twin)
    sealer = product.vault.sealer()
    now = int(time.time())
    spread = min(run.plan.seconds, INTERVAL)

    def store(number: int) -> int:
        grant = minted[number]
        key, install_id = GrantKey.of_account(int(grant["hub_id"])), f"soak-{grant['hub_id']}"
        tokens = Tokens(grant["access_token"], grant["refresh_token"])
        new = NewInstall(
            key=key,
            install_id=install_id,
            sealed=sealer.seal(tokens, key, install_id),
            scopes=tuple(grant["scopes"]),
            issued_at=now,
            expires_at=now + grant["expires_in"],
            refresh_at=now + int(spread * number / len(minted)),
            binding=Binding.BOUND,
            exchanged_at_ms=now * 1000,
        )
        product.accounts.install(new, now)
        return key.hub_id

    with ThreadPoolExecutor(8) as pool:
        run.hub_ids += pool.map(store, range(len(minted)))


def product_of(twin: TwinClient) -> Product:
    """The product in this process, on the twin's tables and key."""
    deployed = {"ACCOUNTS_TABLE": twin.outputs["AccountsTableName"], "KMS_KEY_ID": twin.outputs["TokensKeyArn"]}
    settings = Settings.from_env({**ENVIRONMENT, **deployed, "HUBSPOT_CLIENT_ID": DEFAULT_CLIENT_ID})
    return Product(settings, client=lambda service, **_: twin.aws(service))


def fleet(twin: TwinClient, condition: str = "attribute_exists(hub_id)") -> list[Account]:
    """The accounts of the table for which the condition holds."""
    items = twin.items(twin.outputs["AccountsTableName"], FilterExpression=condition)
    return [account_from(plain(item)) for item in items]


def leased_for(row: Account) -> float:
    """Seconds since the account was leased; 0 without a lease."""
    return call_timeouts.LEASE_SECONDS - (row.lease_until - time.time()) if row.lease_until is not None else 0


def left_stale(twin: TwinClient, since: float) -> list[Account]:
    """Wait until no account is overdue, expired or under an orphaned lease; return those that still are.

    A lease taken right before the last kill looks alive for a moment, so nothing counts before that moment is over.
    """
    while True:
        now = time.time()
        rows = [row for row in fleet(twin) if stale(row, now)]
        if now - since > LIFETIME or (now - since > GRACE and not rows):
            return rows
        time.sleep(1)


def stale(row: Account, now: float) -> bool:
    due_for = now - row.refresh_at if row.refresh_at is not None else float("inf")
    return row.status is not Status.ACTIVE or row.expires_at <= now or due_for > GRACE or leased_for(row) > GRACE
