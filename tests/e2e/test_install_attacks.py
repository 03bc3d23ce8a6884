"""A victim's browser is led to the callback by an attacker: nothing of the attacker's is bound to the victim."""

from collections.abc import Callable

import pytest

from tests.support.team_twin import (
    SITE,
    Browsers,
    callback,
    fresh_code,
    install_link,
    linked_to,
    start_install,
)
from tests.support.twin_client import ACME, BEISPIEL
from tests.support.twin_process import TwinProcess
from tests.support.twin_visitor import refusal_of

pytestmark = pytest.mark.takes(seconds=20)

ELSEWHERE = "https://app.hubspot.com/somewhere"


@pytest.mark.parametrize("return_url", [None, ELSEWHERE])
@pytest.mark.parametrize("step", [None, "finalize", "authorize"])
@pytest.mark.parametrize("state", ["none", "attacker's own", "attacker's for the Marketplace", "forged"])
def test_an_attackers_code_binds_nothing_to_the_victim_whatever_comes_with_it(
    team: TwinProcess, browsers: Browsers, state: str, step: str | None, return_url: str | None
) -> None:
    attacker, victim = browsers(), browsers()
    states = {
        "none": lambda: None,
        "attacker's own": lambda: start_install(
            team, attacker, client_reference_id="attacker", return_to=f"{SITE}/done"
        ),
        "attacker's for the Marketplace": lambda: start_install(
            team, attacker, client_reference_id="attacker", hubspot_return_url=ELSEWHERE
        ),
        "forged": lambda: "forged",
    }
    victims_state = start_install(team, victim, client_reference_id="victim", return_to=f"{SITE}/done")
    before = team.token_calls("authorization_code")
    query = {"code": fresh_code(team, BEISPIEL), "state": states[state](), "step": step, "returnUrl": return_url}

    answer = victim.open(callback(team, **{name: value for name, value in query.items() if value}))

    exchanged = team.token_calls("authorization_code") - before
    assert linked_to(team, "victim") == []
    assert not answer.headers.get("location", "").startswith(SITE)
    if state == "none" and return_url:
        assert (exchanged, team.account(BEISPIEL)["binding"]) == (1, "unbound")
        assert "client_reference_id" not in team.account(BEISPIEL)
        assert answer.headers["location"] == return_url
    elif state == "attacker's for the Marketplace" and return_url:
        assert (exchanged, linked_to(team, "attacker")) == (1, [BEISPIEL])  # theirs, to themselves
        assert answer.headers["location"] == return_url
    else:
        assert (exchanged, team.account(BEISPIEL)) == (0, {})

    finished = victim.open(callback(team, code=fresh_code(team, ACME), state=victims_state))
    assert finished.headers["location"] == f"{SITE}/done?hub_id={ACME}"
    assert linked_to(team, "victim") == [ACME]


@pytest.mark.parametrize("wanted", [{}, {"hubspot_return_url": ELSEWHERE}])
def test_an_attackers_state_gives_the_victims_browser_no_link_of_the_attackers(
    team: TwinProcess, browsers: Browsers, wanted: dict[str, str]
) -> None:
    state = start_install(team, browsers(), client_reference_id="attacker", **wanted)

    pages = [
        browsers().open(callback(team, error="access_denied", state=state)),
        browsers().open(callback(team, code="unknown", state=state)),
        browsers().open(callback(team, code="unknown", state=state, returnUrl=ELSEWHERE)),
    ]

    assert all("link=" not in page.text for page in pages)
    assert 'class="button"' not in pages[0].text
    assert "open the link that you were given once more" in pages[0].text


def test_a_victim_who_is_led_through_the_attackers_own_flow_finishes_nothing(
    team: TwinProcess, browsers: Browsers
) -> None:
    attacker, victim = browsers(), browsers()
    at_hubspot = attacker.open(install_link(team, client_reference_id="attacker")).headers["location"]

    page = victim.open(victim.consent(at_hubspot, ACME))

    assert refusal_of(page) == "browser_mismatch"
    assert team.account() == {}


def test_the_attacks_left_no_code_token_cookie_or_state_in_the_logs(team_leaks: Callable[[int], list[str]]) -> None:
    assert team_leaks(50) == []
