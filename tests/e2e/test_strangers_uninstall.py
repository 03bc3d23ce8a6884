"""Sixty strangers uninstall while ten customers' readers keep asking for tokens."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from hubspot_oauth.adapters.dynamodb import plain
from hubspot_oauth.domain.account import Status
from simulator.control import FIRST_HUB_ID
from tests.support import twin_process
from tests.support.lambda_events import token_event, worker_event
from tests.support.twin_accounts import store_accounts
from tests.support.twin_client import TwinClient, warm

pytestmark = pytest.mark.takes(seconds=80, waits=True)

CUSTOMERS, STRANGERS = 10, 60
LIFETIME = 20  # seconds of a token
DUE_OVER = LIFETIME / 2
READ_FOR, READ_EVERY = 2.5 * LIFETIME, 1.0


@dataclass
class Seen:
    """What happened from the uninstalls until two and a half lifetimes later.

    Attributes:
        reads: What the customers' readers got: the status, and whether HubSpot took the token.
        marked_after: Seconds from the uninstalls to the mark, by the hub_id of each account that was marked.
        strangers: Their hub_ids.
        refusals: How often HubSpot refused a refresh, by hub_id.
    """

    reads: list[tuple[int, bool]]
    marked_after: dict[int, float]
    strangers: list[int]
    refusals: dict[int, int]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    flags = ["--schedule-seconds", "1", "--token-lifetime", str(LIFETIME)]
    with twin_process.running(tmp_path_factory.mktemp("strangers") / "state", *flags) as twin:
        warm(twin, "RefreshWorkerFunction", worker_event(), 2)
        warm(twin, "TokenFunction", token_event(1), 4)
        customers = store_accounts(twin, CUSTOMERS, FIRST_HUB_ID, DUE_OVER)
        strangers = store_accounts(twin, STRANGERS, FIRST_HUB_ID + CUSTOMERS, DUE_OVER)
        with ThreadPoolExecutor(CUSTOMERS) as pool:
            readers = [pool.submit(read_on, twin, hub_id) for hub_id in customers]
            uninstalled_at = time.time()
            for hub_id in strangers:
                twin.simulate("uninstall", hub_id=hub_id)
            reads = [read for reader in readers for read in reader.result()]
        return Seen(reads, marks(twin, uninstalled_at), strangers, refusals(twin))


def read_on(twin: TwinClient, hub_id: int) -> list[tuple[int, bool]]:
    """Ask for one customer's token again and again, and HubSpot whether it takes it."""
    reads = []
    end = time.monotonic() + READ_FOR
    while time.monotonic() < end:
        answer = twin.token(hub_id)
        reads.append((answer.status_code, answer.ok and twin.accepted(answer.json()["access_token"])))
        time.sleep(READ_EVERY)
    return reads


def marks(twin: TwinClient, since: float) -> dict[int, float]:
    rows = [plain(item) for item in twin.items(twin.outputs["AccountsTableName"])]
    return {row["hub_id"]: row["status_since"] - since for row in rows if row["status"] == Status.NEEDS_REINSTALL}


def refusals(twin: TwinClient) -> dict[int, int]:
    """How often HubSpot refused a refresh of each account, for those that it refused."""
    counted = {
        int(hub_id): sum(times for call, times in calls.items() if call == "refresh_token:BAD_REFRESH_TOKEN")
        for hub_id, calls in twin.journal()["counters"]["by_hub_id"].items()
    }
    return {hub_id: times for hub_id, times in counted.items() if times}


def test_no_customers_read_goes_without_a_token(seen: Seen) -> None:
    assert len(seen.reads) > CUSTOMERS * READ_FOR / READ_EVERY * 0.5
    assert set(seen.reads) == {(200, True)}


def test_every_stranger_is_known_as_gone_within_two_lifetimes_and_nobody_else(seen: Seen) -> None:
    assert sorted(seen.marked_after) == seen.strangers
    assert max(seen.marked_after.values()) <= 2 * LIFETIME


def test_a_strangers_grant_is_tried_a_few_times_only(seen: Seen) -> None:
    assert sorted(seen.refusals) == seen.strangers
    assert max(seen.refusals.values()) <= 8
