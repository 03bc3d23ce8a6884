"""One twin that tests share, a team's twin for each module that asks for one, and a folder for any other twin."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support import twin_process
from tests.support.recording_simulator import RecordingSimulator
from tests.support.team_twin import SIGN_IN, SITE, Browsers, leaks_in_logs, running_team
from tests.support.twin_process import TwinProcess
from tests.support.twin_visitor import TwinVisitor

if find_spec("ministack") is None:
    collect_ignore_glob = ["test_*"]  # the emulator group is not installed


@pytest.fixture(scope="session")
def shared_twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwinProcess]:
    """A twin whose tokens live half an hour and whose schedule runs every second."""
    with twin_process.running(tmp_path_factory.mktemp("twin") / "state", "--schedule-seconds", "1") as twin:
        yield twin


@pytest.fixture
def twin(shared_twin: TwinProcess) -> TwinProcess:
    """The shared twin, its HubSpot without faults."""
    shared_twin.clear_faults()
    return shared_twin


@pytest.fixture
def visitor(twin: TwinProcess) -> TwinVisitor:
    return TwinVisitor(twin)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture(scope="module")
def shared_browsers(shared_twin: TwinProcess) -> Browsers:
    """Every browser that a module opened on the shared twin by way of this."""
    return Browsers(shared_twin)


@pytest.fixture(scope="module")
def started_team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TwinProcess, RecordingSimulator]]:
    """A team's twin of the module's own."""
    with running_team(
        tmp_path_factory.mktemp("team") / "state", ReturnToOrigins=SITE, SignInUrl=SIGN_IN
    ) as team_and_hubspot:
        yield team_and_hubspot


@pytest.fixture
def team(started_team: tuple[TwinProcess, RecordingSimulator]) -> TwinProcess:
    """The team's twin: no account in it, no fault in its HubSpot."""
    twin, _ = started_team
    twin.clear_faults()
    twin.remove_accounts()
    return twin


@pytest.fixture
def team_hubspot(started_team: tuple[TwinProcess, RecordingSimulator]) -> RecordingSimulator:
    return started_team[1]


@pytest.fixture(scope="module")
def team_browsers(started_team: tuple[TwinProcess, RecordingSimulator]) -> Browsers:
    return Browsers(started_team[0])


@pytest.fixture
def browsers(team: TwinProcess, team_browsers: Browsers) -> Browsers:
    """Opens browsers for the team's twin, which holds no account yet."""
    return team_browsers


@pytest.fixture
def team_leaks(
    team: TwinProcess, team_browsers: Browsers, team_hubspot: RecordingSimulator
) -> Callable[[int], list[str]]:
    """Finds the leaks in the team's logs once a module has opened so many browsers; skips when it opened fewer."""

    def find(least_browsers: int) -> list[str]:
        if len(team_browsers.opened) < least_browsers:
            pytest.skip("only some of the tests were chosen")
        assert team_hubspot.issued
        assert team_browsers.kinds_of_secrets() == {"code", "state", "link", "cookie"}
        assert "Installs" in team.log()
        return leaks_in_logs(team, team_browsers, team_hubspot.issued)

    return find
