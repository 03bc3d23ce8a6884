"""Many accounts of a running twin: stored as an install stores them, and read back from its table."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import requests

from hubspot_oauth.adapters.account_rows import account_from
from hubspot_oauth.adapters.dynamodb import plain
from hubspot_oauth.domain.account import Account, Binding, GrantKey, NewInstall
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.tokens import Tokens
from hubspot_oauth.product import Product
from simulator.configuration import DEFAULT_CLIENT_ID
from tests.support.stack import ENVIRONMENT
from tests.support.twin_client import TwinClient


def store_accounts(twin: TwinClient, count: int, first_hub_id: int, due_over: float) -> list[int]:
    """Store accounts that become due one after another over the next ``due_over`` seconds; return their hub_ids."""
    wanted = {"count": count, "first_hub_id": first_hub_id}
    grants = requests.post(f"{twin.hubspot_url}/_sim/grants", json=wanted, timeout=60)
    minted = [json.loads(line) for line in grants.text.splitlines()]
    product = product_of(twin)
    sealer = product.vault.sealer()
    now = int(time.time())

    def store(number: int) -> int:
        grant = minted[number]
        key, install_id = GrantKey.of_account(int(grant["hub_id"])), f"stored-{grant['hub_id']}"
        tokens = Tokens(grant["access_token"], grant["refresh_token"])
        new = NewInstall(
            key=key,
            install_id=install_id,
            sealed=sealer.seal(tokens, key, install_id),
            scopes=tuple(grant["scopes"]),
            issued_at=now,
            expires_at=now + grant["expires_in"],
            refresh_at=now + int(due_over * number / len(minted)),
            binding=Binding.BOUND,
            exchanged_at_ms=now * 1000,
        )
        product.accounts.install(new, now)
        return key.hub_id

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(store, range(len(minted))))


def product_of(twin: TwinClient) -> Product:
    """The product in this process, on the twin's tables and key."""
    deployed = {"ACCOUNTS_TABLE": twin.outputs["AccountsTableName"], "KMS_KEY_ID": twin.outputs["TokensKeyArn"]}
    settings = Settings.from_env({**ENVIRONMENT, **deployed, "HUBSPOT_CLIENT_ID": DEFAULT_CLIENT_ID})
    return Product(settings, client=lambda service, **_: twin.aws(service))


def accounts_of(twin: TwinClient, condition: str = "attribute_exists(hub_id)") -> list[Account]:
    """The accounts of the table for which the condition holds."""
    items = twin.items(twin.outputs["AccountsTableName"], FilterExpression=condition)
    return [account_from(plain(item)) for item in items]
