"""Sixteen browsers at once with one authorization code: one exchange, and all of them land alike."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import requests

from tests.support.browser_reading import query_of
from tests.support.lambda_events import visit_event
from tests.support.recording_simulator import RecordingSimulator
from tests.support.team_twin import (
    SITE,
    Browsers,
    callback,
    finalize,
    leaks_in_logs,
    marketplace,
    sign_in,
    start_install,
)
from tests.support.twin_client import ACME, warm
from tests.support.twin_process import TwinProcess
from tests.support.twin_visitor import TwinVisitor, refusal_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.takes(seconds=55)

ROUNDS = 25
RACERS = 16
PENDING = "Finishing the installation"


def assert_one_exchange_and_one_landing(
    twin: TwinProcess, crowd: Browsers, urls: list[str], cookies: requests.Session
) -> None:
    before = twin.token_calls("authorization_code")

    [(status, _, page)] = race(crowd, urls, cookies)

    assert (status, "You are connected" in page) == (200, True)
    assert twin.token_calls("authorization_code") == before + 1


@pytest.fixture(scope="module")
def warm_twin(shared_twin: TwinProcess) -> TwinProcess:
    warm(shared_twin, "CallbackFunction", visit_event(), RACERS)
    return shared_twin


@pytest.fixture
def crowd(twin: TwinProcess, warm_twin: TwinProcess, shared_browsers: Browsers) -> Browsers:
    """Browsers at the shared twin, which has a warm callback function for each of the racers."""
    return shared_browsers


@pytest.fixture(scope="module")
def warm_team(started_team: tuple[TwinProcess, RecordingSimulator]) -> None:
    warm(started_team[0], "CallbackFunction", visit_event(), RACERS)


def land_together(visitor: TwinVisitor, url: str, together: Barrier) -> tuple[int, str | None, str]:
    """Open the address together with the others; return where the browser ends once its install is over."""
    together.wait()
    answer = visitor.open(url)
    if PENDING in answer.text:
        answer = eventually(lambda: (page := visitor.open(url)) is not None and PENDING not in page.text and page, 60)
    return answer.status_code, answer.headers.get("location"), answer.text


def race(browsers: Browsers, urls: list[str], cookies: requests.Session | None) -> set[tuple[int, str | None, str]]:
    """Sixteen requests at once, the addresses in turn; return the different ends they come to."""
    together = Barrier(RACERS)
    with ThreadPoolExecutor(RACERS) as pool:
        ends = [
            pool.submit(land_together, browsers(cookies), urls[number % len(urls)], together)
            for number in range(RACERS)
        ]
        return {end.result() for end in ends}


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_of_sixteen_callbacks_with_one_state_and_code_one_is_exchanged_and_all_land_alike(
    twin: TwinProcess, crowd: Browsers, round_: int
) -> None:
    visitor = crowd()
    url = visitor.callback_url()

    assert_one_exchange_and_one_landing(twin, crowd, [url], visitor.session)


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_one_code_under_two_valid_states_at_once_is_exchanged_once_and_all_land_alike(
    twin: TwinProcess, crowd: Browsers, round_: int
) -> None:
    visitor = crowd()
    url = visitor.callback_url()
    other = callback(twin, code=query_of(url)["code"], state=query_of(visitor.start().headers["location"])["state"])

    assert_one_exchange_and_one_landing(twin, crowd, [url, other], visitor.session)


@pytest.mark.usefixtures("warm_team")
@pytest.mark.parametrize("kind", ["return_to", "seamless", "finalize without the cookie"])
def test_other_installs_raced_by_sixteen_browsers_are_exchanged_once_and_land_alike(
    team: TwinProcess, browsers: Browsers, kind: str
) -> None:
    visitor = browsers()
    cookies: requests.Session | None = None
    if kind == "return_to":
        cookies = visitor.session
        url = visitor.callback_url(return_to=f"{SITE}/done", state="theirs")
        expected = f"{SITE}/done?hub_id={ACME}&state=theirs"
    elif kind == "seamless":
        url = marketplace(team, "seamless")
        expected = query_of(url)["returnUrl"]
    else:
        return_url = query_of(marketplace(team, "sign-in"))["returnUrl"]
        url = finalize(team, sign_in(team, visitor, "customer-1", return_url))
        expected = query_of(url)["returnUrl"]
    before = team.token_calls("authorization_code")

    [(status, location, _)] = race(browsers, [url], cookies)

    assert (status, location) == (302, expected)
    assert team.token_calls("authorization_code") == before + 1


@pytest.mark.usefixtures("warm_team")
def test_one_code_raced_under_two_states_that_lead_to_different_pages_lands_on_one_of_them(
    team: TwinProcess, browsers: Browsers
) -> None:
    visitor = browsers()
    url = visitor.callback_url(return_to=f"{SITE}/first", state="1")
    other = visitor.start(return_to=f"{SITE}/second", state="2").headers["location"]
    before = team.token_calls("authorization_code")

    urls = [url, callback(team, code=query_of(url)["code"], state=query_of(other)["state"])]
    [(status, location, _)] = race(browsers, urls, visitor.session)

    assert status == 302
    assert location in {f"{SITE}/first?hub_id={ACME}&state=1", f"{SITE}/second?hub_id={ACME}&state=2"}
    assert team.token_calls("authorization_code") == before + 1


def test_a_code_already_exchanged_is_not_exchanged_under_another_browsers_state(
    team: TwinProcess, browsers: Browsers
) -> None:
    visitor, thief = browsers(), browsers()
    url = visitor.callback_url()
    visitor.open(url)
    before = team.token_calls("authorization_code")

    page = thief.open(callback(team, code=query_of(url)["code"], state=start_install(team, thief)))

    assert refusal_of(page) == "code_spent"
    assert team.token_calls("authorization_code") == before


def test_the_races_left_no_code_token_cookie_or_state_in_the_logs(
    twin: TwinProcess, shared_browsers: Browsers, team_leaks: Callable[[int], list[str]]
) -> None:
    in_team = team_leaks(4 * RACERS)
    in_shared = leaks_in_logs(twin, shared_browsers, [twin.token().json()["access_token"]])

    assert len(shared_browsers.opened) >= 2 * ROUNDS * RACERS
    assert (in_team, in_shared) == ([], [])
