"""Strangers install by the public route and uninstall; no customer is ever without a token.

Minute by minute on the test's clock, with the product's own limits and tokens that live 30 minutes. Each wave of
strangers comes two hours after the one before and has uninstalled the app before its first refresh. ``-s`` shows a
line for each cell; the whole table takes a day of this clock in every cell (``-m soak``).
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from hubspot_oauth.domain.account import Status
from hubspot_oauth.domain.api_errors import Problem
from simulator import Running
from simulator.control import FIRST_HUB_ID
from tests.support.fleet import Fleet, minted, stock
from tests.support.simulated_hubspot import uninstall
from tests.support.stack import Clock, Stack

LIFETIME = 1800
WAVE_MINUTES = 120
KNOWN_WITHIN_MINUTES = 2 * LIFETIME // 60
HOURS, A_DAY = 3, 24
CELLS = [(customers, strangers) for customers in (1, 5, 20, 100) for strangers in (10, 40, 200)]

pytestmark = pytest.mark.takes(seconds=35)


@dataclass
class Told:
    """What a cell came to.

    Attributes:
        account_minutes: How often a customer was looked at.
        refused: How often it could not get a token.
        uninstalled: How many strangers uninstalled early enough to be known.
        unknown: How many of them were still taken for installed.
        calls: Calls to HubSpot for each stranger, on average.
    """

    account_minutes: int = 0
    refused: int = 0
    uninstalled: int = 0
    unknown: int = 0
    calls: float = 0


@pytest.mark.parametrize(
    ("customers", "strangers", "hours"),
    [(5, 40, HOURS), (20, 40, HOURS), *[pytest.param(*cell, A_DAY, marks=pytest.mark.soak) for cell in CELLS]],
)
def test_strangers_who_uninstall_cost_no_customer_a_minute(
    make_stack: Callable[..., Stack], hubspot: Running, clock: Clock, customers: int, strangers: int, hours: int
) -> None:
    theirs = range(FIRST_HUB_ID, FIRST_HUB_ID + customers)
    told = lived_through(Fleet([make_stack() for _ in range(2)], hubspot, clock, theirs), strangers, hours)

    print(f"{customers:4} customers {strangers:4} strangers {hours:3} h: {told}")  # noqa: T201 - the table
    assert told.account_minutes == customers * hours * 60
    assert told.refused == 0
    assert told.uninstalled
    assert told.unknown == 0
    assert told.calls <= 12


def lived_through(fleet: Fleet, strangers: int, hours: int) -> Told:
    """The fleet's own accounts are the customers."""
    told, theirs = Told(), fleet.hub_ids
    stock(fleet.one, minted(fleet.hubspot, theirs.start, len(theirs)))
    waves: list[tuple[int, range]] = []
    for minute in range(hours * 60):
        if minute % WAVE_MINUTES == 0:
            waves.append((minute, wave_of_strangers(fleet, strangers, theirs.stop + len(waves) * strangers)))
        fleet.tick()
        told.account_minutes += len(theirs)
        told.refused += sum(without_token(fleet, hub_id) for hub_id in theirs)
    early = [wave for minute, wave in waves if minute <= hours * 60 - KNOWN_WITHIN_MINUTES]
    statuses = {row["hub_id"]: row["status"] for row in fleet.rows()}
    told.uninstalled = sum(map(len, early))
    told.unknown = sum(statuses[hub_id] != Status.NEEDS_REINSTALL for wave in early for hub_id in wave)
    endings = fleet.hubspot.simulator.journal.counters()["by_grant_type"]["refresh_token"]
    told.calls = sum(times for ending, times in endings.items() if ending != "ok") / (strangers * len(waves))
    return told


def wave_of_strangers(fleet: Fleet, strangers: int, first: int) -> range:
    """They install, and uninstall at once."""
    wave = range(first, first + strangers)
    stock(fleet.one, minted(fleet.hubspot, first, strangers))
    for hub_id in wave:
        uninstall(fleet.hubspot.simulator, hub_id)
    return wave


def without_token(fleet: Fleet, hub_id: int) -> bool:
    """Whether the customer's code gets no token now."""
    try:
        token = fleet.one.token(hub_id)
    except Problem:
        return True
    return token.expires_at <= fleet.clock()
