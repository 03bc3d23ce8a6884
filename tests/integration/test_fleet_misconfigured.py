"""A whole fleet under a misconfiguration: few calls, one alarm, no account marked dead, all fresh soon after."""

from collections.abc import Callable

import pytest

from hubspot_oauth.domain.refresh_timing import BACKOFF_MOST_SECONDS, HOLD_SECONDS
from hubspot_oauth.refresh.breaker_state import SUSPICIOUS_GRANTS
from simulator import Running
from simulator.configuration import OTHER_CLIENT_ID, OTHER_CLIENT_SECRET
from simulator.control import FIRST_HUB_ID
from simulator.faults import parse_fault
from tests.support.fleet import CONTAINERS, TICK, Fleet, minted, stock
from tests.support.simulated_hubspot import uninstall
from tests.support.stack import CLIENT_SECRET, Clock, Stack


def accounts(number: int) -> pytest.MarkDecorator:
    """So many accounts, and 2,000 in a soak."""
    numbers = [number, pytest.param(2000, marks=pytest.mark.soak)]
    return pytest.mark.parametrize("fleet", numbers, indirect=True, ids=lambda number: f"{number}-accounts")


@pytest.fixture
def fleet(make_stack: Callable[..., Stack], hubspot: Running, clock: Clock, request: pytest.FixtureRequest) -> Fleet:
    containers = [make_stack() for _ in range(CONTAINERS)]
    hub_ids = range(FIRST_HUB_ID, FIRST_HUB_ID + request.param)
    stock(containers[0], minted(hubspot, FIRST_HUB_ID, request.param))
    for container in containers:  # each has a past: hundreds of successes, an hour and more ago
        for _ in range(500):
            container.breaker.succeeded(int(clock()), container.client_secret().version)
    clock.forward(1250)  # all are due, none has expired
    return Fleet(containers, hubspot, clock, hub_ids)


@accounts(100)
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


@accounts(2 * SUSPICIOUS_GRANTS)  # hours go by, one tick after the other
def test_if_hubspot_knows_no_token_for_an_hour_few_are_marked_and_all_come_back(fleet: Fleet) -> None:
    fault = fleet.hubspot.simulator.faults.add(
        parse_fault({"kind": "error", "error": "BAD_REFRESH_TOKEN", "grant_type": "refresh_token"})
    )
    calls = sum(fleet.tick() for _ in range(60))

    assert fleet.marked() < SUSPICIOUS_GRANTS
    assert calls <= 30 * len(fleet.hub_ids)
    assert fleet.reported("BreakerOpened") == 0

    fleet.hubspot.simulator.faults.clear(fault.number)
    for _ in range(BACKOFF_MOST_SECONDS // TICK + 2):
        fleet.tick()

    assert fleet.marked() == 0
    assert fleet.all_fresh()


@accounts(2 * SUSPICIOUS_GRANTS)
def test_a_fleet_that_is_gone_is_marked_in_the_end_at_a_bounded_number_of_calls(fleet: Fleet) -> None:
    for hub_id in fleet.hub_ids:
        uninstall(fleet.hubspot.simulator, hub_id)

    calls = sum(fleet.tick() for _ in range((HOLD_SECONDS + BACKOFF_MOST_SECONDS) // TICK + 10))

    assert fleet.marked() == len(fleet.hub_ids)
    assert calls <= 80 * len(fleet.hub_ids)
    fleet.clock.forward(86_400)
    assert sum(fleet.tick() for _ in range(60)) == len(fleet.hub_ids)


@accounts(100)
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
