"""A whole fleet under a misconfiguration: few calls, one alarm, no account marked dead, all fresh soon after."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import cycle, islice
from typing import Any

import pytest

from hubspot_oauth.adapters.dynamodb import plain, typed
from hubspot_oauth.domain.account import GrantKey, Status
from hubspot_oauth.domain.tokens import Tokens
from hubspot_oauth.refresh.breaker_state import DEATHS_LEAST
from simulator import Running
from simulator.configuration import OTHER_CLIENT_ID, OTHER_CLIENT_SECRET
from simulator.control import FIRST_HUB_ID, mint
from simulator.faults import parse_fault
from tests.support.simulated_hubspot import token_calls
from tests.support.stack import CLIENT_SECRET, Clock, Stack, a_minute

CONTAINERS = 5
TICK = 60


@dataclass
class Fleet:
    """Accounts that are all due, and the containers that refresh them: one dispatcher, five workers."""

    containers: list[Stack]
    hubspot: Running
    clock: Clock
    hub_ids: range
    turns: Iterator[Stack] = field(init=False)

    def __post_init__(self) -> None:
        self.turns = cycle(self.containers)

    @property
    def one(self) -> Stack:
        return self.containers[0]

    def tick(self) -> int:
        """A minute passes and its work is done; how many calls reached HubSpot."""
        self.clock.forward(TICK)
        before = token_calls(self.hubspot.simulator, "refresh_token")
        self.one.dispatcher.tick(a_minute)
        self.clock.forward(1)
        for body in self.one.messages(self.one.settings.refresh_queue_url):
            next(self.turns).worker.run([body], a_minute)
        return token_calls(self.hubspot.simulator, "refresh_token") - before

    def reported(self, name: str) -> float:
        return sum(container.reports.total(name) for container in self.containers)

    def rows(self) -> list[dict[str, Any]]:
        pages = self.one.dynamodb.get_paginator("scan").paginate(TableName=self.one.settings.accounts_table)
        return [plain(item) for page in pages for item in page["Items"]]

    def marked(self) -> int:
        return sum(row["status"] == Status.NEEDS_REINSTALL for row in self.rows())

    def all_fresh(self) -> bool:
        now = self.clock()
        return all(row["status"] == Status.ACTIVE and row["refresh_at"] > now for row in self.rows())


@pytest.fixture(params=[100, pytest.param(2000, marks=pytest.mark.soak)], ids=lambda number: f"{number}-accounts")
def fleet(make_stack: Callable[..., Stack], hubspot: Running, clock: Clock, request: pytest.FixtureRequest) -> Fleet:
    containers = [make_stack() for _ in range(CONTAINERS)]
    hub_ids = range(FIRST_HUB_ID, FIRST_HUB_ID + request.param)
    grants = mint(hubspot.simulator, {"count": request.param})
    tokens = {grant["hub_id"]: Tokens(grant["access_token"], grant["refresh_token"]) for grant in grants}
    stock(containers[0], tokens)
    for container in containers:  # each has a past: hundreds of successes, an hour and more ago
        for _ in range(500):
            container.breaker.succeeded(int(clock()))
    clock.forward(1250)  # all are due, none has expired
    return Fleet(containers, hubspot, clock, hub_ids)


def stock(stack: Stack, tokens: dict[int, Tokens]) -> None:
    """A row for each account, like the one that an install makes."""
    first, *others = tokens
    dynamodb: Any = stack.dynamodb
    install_id = stack.store(first, tokens[first])
    table = stack.settings.accounts_table
    row = plain(dynamodb.get_item(TableName=table, Key=typed(asdict(GrantKey.of_account(first))))["Item"])
    waiting = iter(others)
    while batch := list(islice(waiting, 25)):  # as many as one call takes
        puts = [
            {
                "PutRequest": {
                    "Item": typed(
                        row
                        | {
                            "hub_id": hub_id,
                            "refresh_shard": hub_id % 8,
                            "sealed": stack.vault.sealer().seal(
                                tokens[hub_id], GrantKey.of_account(hub_id), install_id
                            ),
                        }
                    )
                }
            }
            for hub_id in batch
        ]
        dynamodb.batch_write_item(RequestItems={table: puts})


def test_a_wrong_client_secret_costs_few_calls_and_no_account(fleet: Fleet) -> None:
    set_secret(fleet, "a secret that is not the app's")
    first = fleet.tick()
    later = [fleet.tick() for _ in range(5)]

    assert first <= CONTAINERS * fleet.one.settings.refresh_concurrency
    assert max(later) <= 2
    assert fleet.marked() == 0
    assert fleet.reported("BreakerOpened") == 1
    assert fleet.reported("BreakerOpen") == len(later)

    set_secret(fleet, CLIENT_SECRET)
    for _ in range(3):
        fleet.tick()

    assert fleet.all_fresh()
    assert fleet.reported("BreakerClosed") == 1


def test_if_hubspot_knows_no_token_few_are_marked_and_they_come_back(fleet: Fleet) -> None:
    fault = fleet.hubspot.simulator.faults.add(
        parse_fault({"kind": "error", "error": "BAD_REFRESH_TOKEN", "grant_type": "refresh_token"})
    )
    fleet.tick()
    later = [fleet.tick() for _ in range(5)]

    assert max(later) <= 2
    assert 0 < fleet.marked() < DEATHS_LEAST
    assert fleet.reported("BreakerOpened") == 1

    fleet.hubspot.simulator.faults.clear(fault.number)
    for _ in range(3):
        fleet.tick()

    assert fleet.marked() == 0
    assert fleet.all_fresh()


def test_another_apps_credentials_open_nothing_and_mark_no_account(
    fleet: Fleet, make_stack: Callable[..., Stack]
) -> None:
    set_secret(fleet, OTHER_CLIENT_SECRET)
    others = Fleet(
        [make_stack(HUBSPOT_CLIENT_ID=OTHER_CLIENT_ID) for _ in range(CONTAINERS)],
        fleet.hubspot,
        fleet.clock,
        fleet.hub_ids,
    )

    assert [others.tick() for _ in range(3)] == [0, 0, 0]  # what is sealed for one app does not open for another

    assert fleet.marked() == 0
    set_secret(fleet, CLIENT_SECRET)
    fleet.clock.forward(300)  # the longest back-off
    for _ in range(3):
        fleet.tick()
    assert fleet.all_fresh()


def set_secret(fleet: Fleet, value: str) -> None:
    """Rotate the secret; every container has had it for longer than it caches one."""
    fleet.one.secrets_manager.put_secret_value(SecretId=fleet.one.settings.client_secret_id, SecretString=value)
    fleet.clock.forward(300)
