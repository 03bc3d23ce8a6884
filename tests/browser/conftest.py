"""Twins, and people with a real browser. Nothing here is collected without Playwright and Chromium."""

import os
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import twin_process
from tests.support.lambda_events import visit_event
from tests.support.secret_scan import leaks
from tests.support.team_twin import install_link, running_team
from tests.support.twin_client import warm
from tests.support.twin_process import TwinProcess

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.person import Person
    from tests.browser.team import Team

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PICTURES = "SCREENSHOTS"

if not CHROMIUM or find_spec("playwright") is None or find_spec("axe_playwright_python") is None:
    collect_ignore_glob = ["test_*"]  # the browser group or Debian's chromium is not installed


@pytest.fixture(scope="session")
def chromium() -> "Iterator[Browser]":
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415 - the browser group

    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: a folder of pytest's, or the one that the environment names."""
    wanted = os.environ.get(PICTURES)
    folder = Path(wanted) if wanted else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def browse(chromium: "Browser", pictures: Path) -> "Iterator[Callable[[TwinProcess], Person]]":
    """Opens a browser of its own for each person.

    At the end nothing may have been blocked or have failed in it, and no log may hold a code, state or cookie of it.
    """
    from tests.browser.person import DESK, Person  # noqa: PLC0415 - the browser group

    people: list[tuple[TwinProcess, Person]] = []

    def new(twin: TwinProcess) -> Person:
        person = Person(chromium.new_context(viewport=DESK, color_scheme="light"), twin.url, pictures)
        people.append((twin, person))
        return person

    yield new
    leaked = [leak for twin, person in people for leak in leaks({"log": log_of(twin)}, person.secrets())]
    for _, person in people:
        person.context.close()
    assert [complaint for _, person in people for complaint in person.complaints] == []
    assert leaked == []


def log_of(twin: TwinProcess) -> str:
    """What the functions and everything else on the twin wrote."""
    return twin.log() + twin.output.so_far()


@pytest.fixture(scope="session")
def running_twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwinProcess]:
    with twin_process.running(tmp_path_factory.mktemp("twin") / "state") as twin:
        warm(twin, "CallbackFunction", visit_event(), 2)
        yield twin


@pytest.fixture
def twin(running_twin: TwinProcess) -> TwinProcess:
    """A twin as `make demo` runs it, without accounts."""
    return emptied(running_twin)


@pytest.fixture
def person(twin: TwinProcess, browse: "Callable[[TwinProcess], Person]") -> "Person":
    return browse(twin)


@pytest.fixture(scope="session")
def team_and_twin(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[tuple[TwinProcess, Team]]":
    from tests.browser.team import team_site  # noqa: PLC0415 - beside the fixtures that need it

    state = tmp_path_factory.mktemp("team") / "state"
    with team_site() as team:
        parameters = {"SignInUrl": team.sign_in_url, "ReturnToOrigins": team.url, "AppName": "Example"}
        # To a browser, 127.0.0.1 is another site than localhost, as HubSpot is another than the product.
        with running_team(state, hubspot_host="127.0.0.1", **parameters) as (twin, _):
            team.make_link = lambda **wanted: install_link(twin, **wanted)
            yield twin, team


@pytest.fixture
def team_twin(team_and_twin: "tuple[TwinProcess, Team]") -> TwinProcess:
    """The twin of a team with a site of its own; its HubSpot is on another site than the product."""
    return emptied(team_and_twin[0])


@pytest.fixture
def team(team_and_twin: "tuple[TwinProcess, Team]") -> "Iterator[Team]":
    team = team_and_twin[1]
    yield team
    team.hub_id = None


@pytest.fixture
def customer(team_twin: TwinProcess, browse: "Callable[[TwinProcess], Person]") -> "Person":
    """One of the team's customers."""
    return browse(team_twin)


def emptied(twin: TwinProcess) -> TwinProcess:
    """The twin without accounts, its HubSpot without faults."""
    twin.clear_faults()
    twin.remove_accounts()
    return twin
