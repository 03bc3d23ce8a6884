"""The counted figures of docs/benchmarks.md hold: calls for each refresh, bytes of an item, calls of a tick."""

import pytest

from hubspot_oauth.adapters.accounts_table import SHARDS
from hubspot_oauth.adapters.refresh_queue import ACCOUNTS_A_MESSAGE
from hubspot_oauth.adapters.vault import Vault
from tests.bench import figures
from tests.bench.memory_aws import MemoryAws

ACCOUNTS = 200


@pytest.fixture
def vault() -> Vault:
    return figures.product(MemoryAws()).vault


def test_a_refresh_takes_two_writes_and_no_read() -> None:
    _, calls = figures.throughput(latency=0.001, accounts=ACCOUNTS)

    assert calls == {"UpdateItem": 2 * ACCOUNTS}


def test_kms_is_called_once_in_fifty_refreshes_at_the_most() -> None:
    assert figures.kms_calls_a_refresh(10_000) <= 0.02


def test_an_accounts_item_fits_one_write_unit(vault: Vault) -> None:
    assert figures.item_bytes(figures.account_row(vault, 9_999_999_999)) <= 1024


def test_a_tick_asks_each_shard_once_and_sends_ten_messages_a_call() -> None:
    tick = figures.dispatch(accounts=20_000, due=4_000)

    assert tick.calls["Query"] == SHARDS
    assert tick.calls["SendMessageBatch"] == 4_000 / ACCOUNTS_A_MESSAGE / 10
