"""Every fault at every step of a refresh, with and without rotation: how it ends once the world has healed.

``tests/faults`` holds the tables of what must come out; what did come out is printed at the end of the run.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ops.template import ROOT
from tests.faults.ours import STRIKES, let_strike
from tests.faults.printing import MATRIX, Matrix
from tests.faults.tables import READER, SCHEDULE, cells
from tests.faults.theirs import PATIENCE_SECONDS, THEIRS, TheirFault
from tests.faults.world import DUE, EXPIRED, World

pytestmark = pytest.mark.takes(seconds=135)

SCHEDULED, READ = cells(SCHEDULE), cells(READER)
EVER_DEAD = ("dead", "late")
MORE_TTL = 700  # a token that is due lives shorter than this, so the reader's call refreshes it

each_rotation = pytest.mark.parametrize("rotation", [False, True], ids=["kept", "rotated"])
each_scheduled = pytest.mark.parametrize(("fault", "step"), SCHEDULED, ids=lambda part: part.replace(" ", "-"))
each_read = pytest.mark.parametrize(("fault", "step"), READ, ids=lambda part: part.replace(" ", "-"))
each_survived = pytest.mark.parametrize(
    ("fault", "step"), [cell for cell in READ if READ[cell][1] != "killed"], ids=lambda part: part.replace(" ", "-")
)
each_of_theirs = pytest.mark.parametrize("fault", THEIRS, ids=lambda fault: fault.name.replace(" ", "-"))


@pytest.fixture(scope="module")
def matrix(request: pytest.FixtureRequest) -> Matrix:
    return request.config.stash.setdefault(MATRIX, Matrix())


@each_rotation
@each_scheduled
def test_a_fault_of_ours_ends_as_the_table_says(
    world: World, matrix: Matrix, fault: str, step: str, rotation: bool
) -> None:
    world.begin(rotation=rotation, age=DUE)
    let_strike(world, fault, step)

    world.tick()

    expected = SCHEDULED[fault, step][rotation]
    ending = limited(world.ending(), expected)
    matrix.put("schedule, ours", fault, step, str(rotation), ending)
    assert ending == expected


@each_read
def test_a_reader_of_an_expired_token_gets_an_answer_through_a_fault_of_ours(
    world: World, matrix: Matrix, fault: str, step: str
) -> None:
    got = read_through(world, fault, step, age=EXPIRED)

    matrix.put("reader, expired/live", fault, step, "expired", got)
    assert got == READ[fault, step][0]
    assert kind(world.ending()) == kind(SCHEDULED.get((fault, step), ("due", "due"))[1])


@each_survived
def test_a_token_that_still_lives_is_handed_out_through_a_fault_of_ours(
    world: World, matrix: Matrix, fault: str, step: str
) -> None:
    got = read_through(world, fault, step, age=DUE, min_ttl=MORE_TTL)

    matrix.put("reader, expired/live", fault, step, "live", got)
    assert got == READ[fault, step][1]
    world.heal()


@each_rotation
@each_of_theirs
def test_a_fault_of_hubspots_ends_as_the_table_says(
    world: World, matrix: Matrix, fault: TheirFault, rotation: bool
) -> None:
    world.begin(rotation=rotation, age=DUE)
    fault.strike(world)

    with patience(fault):
        world.tick()

    expected = fault.endings[rotation]
    ending = limited(world.ending(), expected)
    matrix.put("HubSpot's: schedule, reader", fault.name, "schedule", str(rotation), ending)
    assert ending == expected


@each_of_theirs
def test_a_reader_gets_an_answer_through_a_fault_of_hubspots(world: World, matrix: Matrix, fault: TheirFault) -> None:
    for side, age, min_ttl in (("expired", EXPIRED, None), ("live", DUE, MORE_TTL)):
        world.begin(rotation=True, age=age)
        fault.strike(world)

        with patience(fault):
            got = world.read(min_ttl)

        matrix.put("HubSpot's: schedule, reader", fault.name, "reader", side, got)
        refreshed = fault.endings[0] == "fresh"
        assert got == ("token" if refreshed or side == "live" else "503")
        assert kind(world.ending()) == kind(fault.endings[1])


def test_nothing_is_lost_without_rotation() -> None:
    without = [kept for kept, _ in SCHEDULED.values()] + [fault.endings[0] for fault in THEIRS]

    assert not [ending for ending in without if ending.startswith("LOST")]


def test_every_fault_has_its_row() -> None:
    assert {fault for fault, _ in SCHEDULED} == set(STRIKES)


def test_every_loss_is_a_stated_limit() -> None:
    limits = (ROOT / "docs" / "architecture.md").read_text().split("## Stated limits", 1)[1]
    stated = {f"LOST{number}" for number in re.findall(r"^(\d)\. ", limits, re.MULTILINE)}
    endings = {ending for both in SCHEDULED.values() for ending in both} | {f.endings[1] for f in THEIRS}

    assert {ending for ending in endings if ending.startswith("LOST")} == stated


def read_through(world: World, fault: str, step: str, *, age: float, min_ttl: int | None = None) -> str:
    """What a reader gets while a fault strikes."""
    world.begin(rotation=True, age=age)
    let_strike(world, fault, step)
    return world.read(min_ttl)


def limited(ending: str, expected: str) -> str:
    """A loss with the number of the limit that allows it, if one does."""
    return expected if ending == "LOST" and expected.startswith("LOST") else str(ending)


def kind(ending: str) -> str:
    """What matters of an ending, for the schedule and for a reader alike."""
    return "dead" if ending in EVER_DEAD else "lost" if ending.startswith("LOST") else "well"


@contextmanager
def patience(fault: TheirFault) -> Iterator[None]:
    """For an answer that never comes the product waits only a moment, until the world is healed."""
    with pytest.MonkeyPatch.context() as patch:
        if fault.slow:
            patch.setattr("hubspot_oauth.adapters.hubspot.HUBSPOT_SECONDS", PATIENCE_SECONDS)
        yield
