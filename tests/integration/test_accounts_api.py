"""What the accounts routes say of accounts in trouble, and how those are found."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from hubspot_oauth.adapters import accounts_index
from hubspot_oauth.domain.account import Failure, GrantKey
from hubspot_oauth.domain.clocks import iso
from hubspot_oauth.domain.tokens import Tokens
from simulator import Running
from tests.support.lambda_events import signed_event
from tests.support.simulated_hubspot import fail_refreshes
from tests.support.stack import Clock, Stack

HUB_ID = 100001


def one(stack: Stack, hub_id: int = HUB_ID) -> dict[str, Any]:
    answer = stack.accounts_route.answer(signed_event("GET /accounts/{hub_id}", hub_id))
    return dict(json.loads(answer["body"]))


def ask(stack: Stack, **query: str) -> tuple[int, dict[str, Any]]:
    answer = stack.accounts_route.answer(signed_event("GET /accounts", None, **query))
    return answer["statusCode"], json.loads(answer["body"])


def pages(stack: Stack, **query: str) -> Iterator[list[int]]:
    cursor: dict[str, str] = {}
    while True:
        status, said = ask(stack, **query, **cursor)
        assert status == 200
        yield [account["hub_id"] for account in said["accounts"]]
        if said["next_cursor"] is None:
            return
        cursor = {"cursor": said["next_cursor"]}


def store(stack: Stack, hub_id: int, *, failing: bool) -> None:
    stack.store(hub_id, Tokens("access", "refresh"), refresh_at=0)
    if failing:
        now = int(stack.clock())
        leased = stack.accounts.lease_due(GrantKey.of_account(hub_id), "owner", now)
        assert leased
        assert stack.accounts.try_later(leased, now + 60, Failure(now, "timeout"))


def test_an_account_shows_every_field_of_the_page(installed: Stack) -> None:
    assert set(one(installed)) == {
        "hub_id",
        "domain",
        "status",
        "client_reference_id",
        "binding",
        "scopes",
        "missing_scopes",
        "installed_at",
        "last_refreshed_at",
        "expires_at",
        "next_refresh_at",
        "failing_since",
        "last_error",
        "needs_reinstall_because",
    }


def test_an_account_in_trouble_says_since_when_and_what_went_wrong_last(
    overdue: Stack, hubspot: Running, clock: Clock
) -> None:
    assert (one(overdue)["failing_since"], one(overdue)["last_error"]) == (None, None)
    began = int(clock())
    fail_refreshes(hubspot.simulator, kind="status", status=503, times=1)
    overdue.tick()
    clock.forward(120)
    fail_refreshes(hubspot.simulator, kind="status", status=502)
    overdue.tick()

    in_trouble = one(overdue)
    hubspot.simulator.faults.clear()
    clock.forward(600)
    overdue.tick()
    recovered = one(overdue)

    assert (in_trouble["status"], in_trouble["failing_since"], in_trouble["last_error"]) == (
        "active",
        iso(began),
        "http_502",
    )
    assert (recovered["failing_since"], recovered["last_error"]) == (None, None)
    assert recovered["last_refreshed_at"] == iso(int(clock()))
    assert recovered["next_refresh_at"] > recovered["last_refreshed_at"]


def test_an_app_that_hubspot_refuses_leaves_its_accounts_failing(overdue: Stack, hubspot: Running) -> None:
    hubspot.simulator.change(client_secret="another")
    overdue.client_secret()

    overdue.tick()

    assert one(overdue)["last_error"] == "BAD_CLIENT_SECRET"
    assert list(pages(overdue, failing="true")) == [[HUB_ID]]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_page_after_page_shows_every_failing_account_once(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(accounts_index, "_SCANNED", 3)
    monkeypatch.setattr(accounts_index, "_MOST_SCANS", 2)
    failing = {2, 3, 11, 12, 13, 14, 25}
    for hub_id in range(1, 26):
        store(stack, hub_id, failing=hub_id in failing)

    found = list(pages(stack, failing="true", limit=str(limit)))

    assert sorted(hub_id for page in found for hub_id in page) == sorted(failing)
    assert max(map(len, found)) <= limit


def test_a_dead_account_is_not_among_the_failing_ones(stack: Stack) -> None:
    store(stack, 1, failing=True)
    store(stack, 2, failing=False)
    leased = stack.accounts.lease_due(GrantKey.of_account(2), "owner", int(stack.clock()))
    assert leased
    stack.accounts.mark_dead(leased, Failure(int(stack.clock()), "BAD_HUB"), None)

    assert list(pages(stack, failing="true")) == [[1]]
    assert one(stack, 2)["last_error"] == "BAD_HUB"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"failing": "false"}, "failing"),
        ({"failing": "1"}, "failing"),
        ({"failing": ""}, "failing"),
        ({"failing": "true", "status": "active"}, None),
        ({"failing": "true", "client_reference_id": "customer"}, None),
        ({"status": "active", "client_reference_id": "customer"}, None),
    ],
)
def test_a_filter_that_means_nothing_is_refused(stack: Stack, query: dict[str, str], field: str | None) -> None:
    status, said = ask(stack, **query)

    assert (status, said["code"], said.get("field")) == (400, "invalid_request", field)
