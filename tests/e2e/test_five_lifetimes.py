"""An account stays connected for five lifetimes of its token, and nothing secret shows anywhere meanwhile."""

import pytest

from tests.support.five_lifetimes import LIFETIME, LIFETIMES, READ_EVERY, Run, running_lifetimes
from tests.support.secret_scan import leaks

pytestmark = pytest.mark.takes(seconds=115, waits=True)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    with running_lifetimes(tmp_path_factory.mktemp("lifetimes")) as runs:
        return {name: future.result() for name, future in runs.items()}


@pytest.fixture(params=["own simulator", "another HubSpot"])
def run(request: pytest.FixtureRequest, runs: dict[str, Run]) -> Run:
    return runs[request.param]


def test_a_reader_always_gets_a_token_that_hubspot_accepts(run: Run) -> None:
    assert len(run.reads) > LIFETIME * LIFETIMES / READ_EVERY * 0.5
    assert set(run.reads) == {(200, True)}


def test_the_schedule_refreshes_and_the_reader_never_does(run: Run) -> None:
    assert LIFETIMES <= run.refreshes <= 3 * LIFETIMES
    assert run.refreshed_by == {"RefreshWorker"}


def test_the_refresh_token_rotated_only_where_it_should(runs: dict[str, Run]) -> None:
    assert not runs["own simulator"].rotated
    assert runs["another HubSpot"].rotated


def test_tables_logs_and_pages_hold_nothing_secret(run: Run) -> None:
    assert all(run.places.values())
    assert len(run.secrets) > LIFETIMES
    assert leaks(run.places, run.secrets) == []


@pytest.mark.parametrize("place", ["tables", "log events", "emulator log", "output", "pages"])
def test_a_secret_planted_in_any_place_is_found(run: Run, place: str) -> None:
    name, secret = next(iter(run.secrets.items()))

    planted = run.places | {place: run.places[place] + f'"{secret[:20]}"'}

    assert leaks(planted, {name: secret}) == [f"{place}: {name} (first characters)"]
