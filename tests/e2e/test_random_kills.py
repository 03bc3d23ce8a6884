"""Workers killed with SIGKILL at random: every account ends fresh, and no reader is without a live token for long.

The short run is one of the tests; the long one is what `make soak` runs.
"""

import os
import sys
import time

import pytest

from hubspot_oauth.domain.account import Status
from tests.support import kill_run
from tests.support.kill_fleet import LIFETIME
from tests.support.kill_plan import Plan, Run

pytestmark = pytest.mark.takes(seconds=110, waits=True)

LONGEST_GAP = 30
SEED = int(os.environ.get("SOAK_SEED", time.time()))
SHORT = pytest.param(Plan(120, 25, SEED, kill_every=2, hubspot_latency=1.0, aimed=True, waves=4), id="short")
LONG = pytest.param(Plan(2000, 300, SEED), id="long", marks=pytest.mark.soak)


@pytest.fixture(scope="module", params=[SHORT, LONG])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = kill_run.run(request.param, tmp_path_factory.mktemp("kills") / "state")
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        sys.stdout.write(f"\n{run.summary()}\n")  # shown though the tests pass
    return run


def test_the_kills_hit_refreshes_that_were_under_way(run: Run) -> None:
    assert run.hit, run.summary()


def test_every_account_is_fresh_afterwards(run: Run) -> None:
    assert len(run.rows) == len(run.hub_ids)
    assert {row.status for row in run.rows} == {Status.ACTIVE}
    assert run.stale == []
    assert run.unaccepted == []


def test_no_account_is_marked_dead_or_forgotten(run: Run) -> None:
    assert [row.hub_id for row in run.rows if row.needs_reinstall_because] == []
    rounds = {row: int((run.looked_at - row.installed_at) // (LIFETIME + LONGEST_GAP)) for row in run.rows}
    assert [row.hub_id for row in run.rows if row.version <= max(1, rounds[row])] == []


def test_every_version_is_an_answer_of_hubspot(run: Run) -> None:
    assert [row.hub_id for row in run.rows if row.version - 1 > run.answers[row.hub_id]] == []


def test_no_reader_is_without_a_live_token_for_more_than_half_a_minute(run: Run) -> None:
    assert run.longest_gap <= LONGEST_GAP
    assert run.never_served == []
    assert set(run.statuses) <= {200, 503, 0}
