"""The install over HTTP: every arrival, every refusal, races, and browsers led where they did not want to go."""

import html
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from hubspot_oauth.adapters.state_keys import REREAD_SECONDS
from hubspot_oauth.domain import refusals
from hubspot_oauth.domain.refusals import Refusal
from hubspot_oauth.domain.state import InstallLink, InstallState
from hubspot_oauth.install.attempt import PENDING_SECONDS
from hubspot_oauth.install.signing import read_state, sign_link, sign_state
from ops.template import load_template
from simulator import SimulatorSettings, serve
from simulator.configuration import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from tests import twins
from tests.leaks import START, leaks, secrets_in
from tests.ports import free_port
from tests.recording import RecordingSimulator
from tests.stack import table_key
from tests.twins import ACME, BEISPIEL, TwinProcess, Visit, eventually, refusal_of, visit_event, warm

ROUNDS = 25
BROWSERS = 16
SITE = "https://app.example.com"
SIGN_IN = "https://team.example.com/sign-in"
ELSEWHERE = "https://app.hubspot.com/somewhere"
PENDING = "Finishing the installation"

Way = Callable[[TwinProcess, Visit], requests.Response]


class Browsers:
    """Opens browsers and remembers them all."""

    def __init__(self, twin: TwinProcess) -> None:
        self.twin = twin
        self.opened: list[Visit] = []

    def __call__(self, cookies: requests.Session | None = None) -> Visit:
        visit = Visit(self.twin)
        if cookies is not None:
            visit.session.cookies.update(cookies.cookies)
        self.opened.append(visit)
        return visit

    def secrets(self) -> dict[str, str]:
        """Every code, state, link and cookie that one of them ever saw."""
        pages = [page for visit in self.opened for page in visit.pages]
        addresses = [str(page.request.url) for page in pages] + [page.headers.get("location", "") for page in pages]
        values = {cookie.value or "" for visit in self.opened for cookie in visit.session.cookies}
        cookies = {f"cookie {number}": value for number, value in enumerate(values) if len(value) >= START}
        return secrets_in(addresses) | cookies


@pytest.fixture(scope="module")
def hubspot_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def hubspot(port: int, hubspot_port: int) -> RecordingSimulator:
    """The team's HubSpot, which remembers every secret it makes."""
    settings = SimulatorSettings(
        redirect_urls=(f"http://localhost:{port}/oauth-callback",),
        marketplace_origin=f"http://localhost:{hubspot_port}",
    )
    return RecordingSimulator(settings)


@pytest.fixture(scope="module")
def running_team(
    hubspot: RecordingSimulator, port: int, hubspot_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TwinProcess]:
    """The twin of a team with a site and a sign-in page of its own."""
    parameters = {
        "ReturnToOrigins": SITE,
        "SignInUrl": SIGN_IN,
        "RequiredScopes": " ".join(hubspot.settings.required_scopes),
        "OptionalScopes": " ".join(hubspot.settings.optional_scopes),
    }
    flags = [text for name, value in parameters.items() for text in ("--parameter", f"{name}={value}")]
    with (
        serve(port=hubspot_port, simulator=hubspot),
        twins.running(
            tmp_path_factory.mktemp("team") / "state",
            *("--client-id", DEFAULT_CLIENT_ID, *flags),
            port=port,
            other_hubspot=hubspot.settings.marketplace_origin,
            environment={"HUBSPOT_CLIENT_SECRET": DEFAULT_CLIENT_SECRET},
        ) as twin,
    ):
        yield twin


@pytest.fixture(scope="module")
def all_browsers(running_team: TwinProcess) -> Browsers:
    warm(running_team, "CallbackFunction", visit_event(), BROWSERS)
    return Browsers(running_team)


@pytest.fixture
def team(running_team: TwinProcess) -> TwinProcess:
    """The team's twin: no account in it, no fault in its HubSpot."""
    requests.delete(f"{running_team.hubspot_url}/_sim/faults", timeout=10)
    for hub_id in (ACME, BEISPIEL):
        running_team.aws("dynamodb").delete_item(
            TableName=running_team.outputs["AccountsTableName"],
            Key=table_key(hub_id),
        )
    return running_team


@pytest.fixture
def browser(team: TwinProcess, all_browsers: Browsers) -> Browsers:
    return all_browsers


# What the Marketplace, the team's back end and an attacker each do ------------------------------------------------


def marketplace(twin: TwinProcess, arrival: str, hub_id: int = ACME) -> str:
    """Choose the app in the Marketplace; where HubSpot sends the browser first."""
    sent = requests.post(
        f"{twin.hubspot_url}/marketplace/start",
        {"arrival": arrival, "hub_id": hub_id},
        allow_redirects=False,
        timeout=10,
    )
    return sent.headers["location"]


def code_of(url: str) -> str:
    return query_of(url)["code"]


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def link(twin: TwinProcess, **wanted: object) -> str:
    """An install link, made as the team's back end makes it."""
    made = twin.call("/install-links", "POST", **wanted)
    assert made.status_code == 201, made.text
    return str(made.json()["url"])


def signed_in(twin: TwinProcess, visit: Visit, reference: str, return_url: str) -> str:
    """The team signs its user in and makes a link; the Marketplace's page with the state for that user."""
    url = link(twin, client_reference_id=reference, hubspot_return_url=return_url)
    return visit.open(url).headers["location"]


def finalize(twin: TwinProcess, at_hubspot: str, hub_id: int = ACME) -> str:
    """Consent on the Marketplace's page; the address that HubSpot then loads in its iframe."""
    parts = urlsplit(at_hubspot)
    install_id = parts.path.rpartition("/")[2]
    state = query_of(at_hubspot)["state"]
    back = f"{twin.hubspot_url}/marketplace/finished/{install_id}"
    given = {"step": "finalize", "code": a_code(twin, hub_id), "state": state, "returnUrl": back}
    return f"{twin.url}/oauth-callback?{urlencode(given)}"


def a_code(twin: TwinProcess, hub_id: int = ACME) -> str:
    """An authorization code for this account, not yet spent."""
    return code_of(marketplace(twin, "sample", hub_id))


def callback(twin: TwinProcess, **query: str) -> str:
    return f"{twin.url}/oauth-callback?{urlencode(query)}"


def started(twin: TwinProcess, visit: Visit, **wanted: object) -> str:
    """Start an install, by a link when something is wanted; the state."""
    at_hubspot = visit.open(link(twin, **wanted)) if wanted else visit.start()
    return query_of(at_hubspot.headers["location"])["state"]


def state_key(twin: TwinProcess) -> str:
    return str(twin.aws("secretsmanager").get_secret_value(SecretId=state_key_id(twin))["SecretString"])


def state_key_id(twin: TwinProcess) -> str:
    [stack] = twin.aws("cloudformation").describe_stacks()["Stacks"]
    found = twin.aws("cloudformation").describe_stack_resource(
        StackName=stack["StackName"], LogicalResourceId="StateKey"
    )
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def linked_to(twin: TwinProcess, reference: str) -> list[int]:
    """The accounts that are linked to this customer."""
    answer = twin.call(f"/accounts?client_reference_id={reference}")
    assert answer.status_code == 200, answer.text
    return [account["hub_id"] for account in answer.json()["accounts"]]


def button(page: requests.Response) -> str:
    """Where the page's button leads."""
    return page.text.split('class="button" href="')[1].split('"')[0]


# Races ----------------------------------------------------------------------------------------------------------


def landing(visit: Visit, url: str, together: Barrier) -> tuple[int, str | None, str]:
    """Open an address at the same moment as the others; where the browser ends, once its install is over."""
    together.wait()
    answer = visit.open(url)
    if PENDING in answer.text:
        answer = eventually(lambda: (page := visit.open(url)) is not None and PENDING not in page.text and page, 60)
    return answer.status_code, answer.headers.get("location"), answer.text


def race(browser: Browsers, urls: list[str], cookies: requests.Session | None) -> set[tuple[int, str | None, str]]:
    """Sixteen requests at once, the addresses in turn; the different ends they come to."""
    together = Barrier(BROWSERS)
    with ThreadPoolExecutor(BROWSERS) as pool:
        ends = [
            pool.submit(landing, browser(cookies), urls[number % len(urls)], together) for number in range(BROWSERS)
        ]
        return {end.result() for end in ends}


@pytest.fixture(scope="module")
def whole_crowd(shared_twin: TwinProcess) -> Browsers:
    warm(shared_twin, "CallbackFunction", visit_event(), BROWSERS)
    return Browsers(shared_twin)


@pytest.fixture
def crowd(twin: TwinProcess, whole_crowd: Browsers) -> Browsers:
    """Browsers at the twin that all tests share."""
    return whole_crowd


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_of_sixteen_callbacks_with_one_state_and_code_one_is_exchanged_and_all_land_alike(
    twin: TwinProcess, crowd: Browsers, round_: int
) -> None:
    visit = crowd()
    url = visit.consent(visit.start().headers["location"])
    before = twin.token_calls("authorization_code")

    [(status, _, page)] = race(crowd, [url], visit.session)

    assert (status, "You are connected" in page) == (200, True)
    assert twin.token_calls("authorization_code") == before + 1


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_one_code_under_two_valid_states_at_once_is_exchanged_once_and_all_land_alike(
    twin: TwinProcess, crowd: Browsers, round_: int
) -> None:
    visit = crowd()
    url = visit.consent(visit.start().headers["location"])
    other = callback(twin, code=code_of(url), state=query_of(visit.start().headers["location"])["state"])
    before = twin.token_calls("authorization_code")

    [(status, _, page)] = race(crowd, [url, other], visit.session)

    assert (status, "You are connected" in page) == (200, True)
    assert twin.token_calls("authorization_code") == before + 1


@pytest.mark.parametrize("kind", ["return_to", "seamless", "finalize without the cookie"])
def test_other_installs_raced_by_sixteen_browsers_are_exchanged_once_and_land_alike(
    team: TwinProcess, browser: Browsers, kind: str
) -> None:
    visit = browser()
    cookies: requests.Session | None = None
    if kind == "return_to":
        cookies = visit.session
        url = visit.consent(visit.start(return_to=f"{SITE}/done", state="theirs").headers["location"])
        expected = f"{SITE}/done?hub_id={ACME}&state=theirs"
    elif kind == "seamless":
        url = marketplace(team, "seamless")
        expected = query_of(url)["returnUrl"]
    else:
        return_url = query_of(marketplace(team, "sign-in"))["returnUrl"]
        url = finalize(team, signed_in(team, visit, "customer-1", return_url))
        expected = query_of(url)["returnUrl"]
    before = team.token_calls("authorization_code")

    [(status, location, _)] = race(browser, [url], cookies)

    assert (status, location) == (302, expected)
    assert team.token_calls("authorization_code") == before + 1


def test_one_code_raced_under_two_states_that_lead_to_different_pages_lands_on_one_of_them(
    team: TwinProcess, browser: Browsers
) -> None:
    visit = browser()
    url = visit.consent(visit.start(return_to=f"{SITE}/first", state="1").headers["location"])
    other = visit.start(return_to=f"{SITE}/second", state="2").headers["location"]
    before = team.token_calls("authorization_code")

    urls = [url, callback(team, code=code_of(url), state=query_of(other)["state"])]
    [(status, location, _)] = race(browser, urls, visit.session)

    assert status == 302
    assert location in {f"{SITE}/first?hub_id={ACME}&state=1", f"{SITE}/second?hub_id={ACME}&state=2"}
    assert team.token_calls("authorization_code") == before + 1


def test_a_code_already_exchanged_is_not_exchanged_under_anyone_elses_state(
    team: TwinProcess, browser: Browsers
) -> None:
    visit, thief = browser(), browser()
    url = visit.consent(visit.start().headers["location"])
    visit.open(url)
    before = team.token_calls("authorization_code")

    page = thief.open(callback(team, code=code_of(url), state=started(team, thief)))

    assert refusal_of(page) == "code_spent"
    assert team.token_calls("authorization_code") == before


# The seven arrivals -----------------------------------------------------------------------------------------------


def test_arrival_code_and_our_state_is_the_normal_path(team: TwinProcess, browser: Browsers) -> None:
    visit = browser()

    page = visit.land(visit.consent(visit.open(link(team, client_reference_id="customer-1")).headers["location"]))

    assert "You are connected" in page.text
    assert team.account()["binding"] == "bound"
    assert linked_to(team, "customer-1") == [ACME]


@pytest.mark.parametrize("with_state", [True, False])
def test_arrival_error_is_a_clear_page_with_a_way_to_start_again(
    team: TwinProcess, browser: Browsers, with_state: bool
) -> None:
    visit = browser()
    known = {"state": started(team, visit, client_reference_id="customer-1")} if with_state else {}

    page = visit.open(callback(team, error="access_denied", error_description="<b>no</b>", **known))

    assert refusal_of(page) == "install_cancelled"
    assert "<b>" not in page.text
    assert button(page).startswith(f"{team.url}/install")
    assert ("?link=" in button(page)) == with_state


def test_arrival_code_and_return_url_is_stored_unbound_and_goes_back_to_the_marketplace(
    team: TwinProcess, browser: Browsers
) -> None:
    url = marketplace(team, "seamless")

    answer = browser().open(url)

    assert answer.headers["location"] == query_of(url)["returnUrl"]
    assert team.account()["binding"] == "unbound"
    assert "client_reference_id" not in team.account()
    assert team.token().status_code == 200


def test_arrival_authorize_goes_through_the_teams_sign_in_and_finalize_in_an_iframe_binds_to_that_user(
    team: TwinProcess, browser: Browsers
) -> None:
    person, iframe = browser(), browser()  # the iframe has none of the cookies
    to_sign_in = person.open(marketplace(team, "sign-in")).headers["location"]
    assert to_sign_in.startswith(f"{SIGN_IN}?hubspot_return_url=")

    return_url = query_of(to_sign_in)["hubspot_return_url"]
    at_hubspot = signed_in(team, person, "customer-1", return_url)
    assert at_hubspot.startswith(f"{return_url}?state=")
    url = finalize(team, at_hubspot)
    answer = iframe.open(url)

    assert answer.headers["location"] == query_of(url)["returnUrl"]
    assert team.account()["binding"] == "bound"
    assert linked_to(team, "customer-1") == [ACME]
    assert iframe.open(url).headers["location"] == query_of(url)["returnUrl"]


def test_arrival_finalize_with_another_browsers_cookie_is_refused(team: TwinProcess, browser: Browsers) -> None:
    person, other = browser(), browser()
    return_url = query_of(marketplace(team, "sign-in"))["returnUrl"]
    url = finalize(team, signed_in(team, person, "customer-1", return_url))
    cookie = next(iter(person.session.cookies))
    other.session.cookies.set(cookie.name, "another browser's secret")

    assert refusal_of(other.open(url)) == "browser_mismatch"
    assert team.account() == {}


def test_arrival_authorize_without_a_sign_in_page_ends_unbound(twin: TwinProcess, crowd: Browsers) -> None:
    person, iframe = crowd(), crowd()
    at_hubspot = person.open(marketplace(twin, "sign-in", BEISPIEL)).headers["location"]

    answer = iframe.open(finalize(twin, at_hubspot, BEISPIEL))

    assert answer.headers["location"].startswith(f"{twin.hubspot_url}/marketplace/finished/")
    assert twin.account(BEISPIEL)["binding"] == "unbound"


def test_arrival_code_alone_starts_a_fresh_flow_and_is_not_exchanged(team: TwinProcess, browser: Browsers) -> None:
    before = team.token_calls("authorization_code")

    answer = browser().open(marketplace(team, "sample"))

    assert (answer.status_code, answer.headers["location"]) == (302, f"{team.url}/install")
    assert team.token_calls("authorization_code") == before
    assert team.account() == {}


def test_arrival_with_nothing_says_where_to_start(team: TwinProcess, browser: Browsers) -> None:
    page = browser().open(f"{team.url}/oauth-callback")

    assert (page.status_code, button(page)) == (200, f"{team.url}/install")


def test_an_unbound_account_is_claimed_by_a_link_for_it(team: TwinProcess, browser: Browsers) -> None:
    visit = browser()
    visit.open(marketplace(team, "seamless"))
    assert linked_to(team, "customer-1") == []

    visit.land(visit.consent(visit.open(link(team, client_reference_id="customer-1", hub_id=ACME)).headers["location"]))

    assert linked_to(team, "customer-1") == [ACME]
    assert team.account()["binding"] == "bound"


# A victim's browser, led to the callback by an attacker -----------------------------------------------------------


@pytest.mark.parametrize("return_url", [None, ELSEWHERE])
@pytest.mark.parametrize("step", [None, "finalize", "authorize"])
@pytest.mark.parametrize("state", ["none", "attacker's own", "attacker's for the Marketplace", "forged"])
def test_an_attackers_code_binds_nothing_to_the_victim_whatever_comes_with_it(
    team: TwinProcess, browser: Browsers, state: str, step: str | None, return_url: str | None
) -> None:
    attacker, victim = browser(), browser()
    states = {
        "none": lambda: None,
        "attacker's own": lambda: started(team, attacker, client_reference_id="attacker", return_to=f"{SITE}/done"),
        "attacker's for the Marketplace": lambda: started(
            team, attacker, client_reference_id="attacker", hubspot_return_url=ELSEWHERE
        ),
        "forged": lambda: "forged",
    }
    victims_state = started(team, victim, client_reference_id="victim", return_to=f"{SITE}/done")
    before = team.token_calls("authorization_code")
    query = {"code": a_code(team, BEISPIEL), "state": states[state](), "step": step, "returnUrl": return_url}

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

    finished = victim.open(callback(team, code=a_code(team, ACME), state=victims_state))
    assert finished.headers["location"] == f"{SITE}/done?hub_id={ACME}"
    assert linked_to(team, "victim") == [ACME]


@pytest.mark.parametrize("wanted", [{}, {"hubspot_return_url": ELSEWHERE}])
def test_an_attackers_state_gives_the_victims_browser_no_link_of_the_attackers(
    team: TwinProcess, browser: Browsers, wanted: dict[str, str]
) -> None:
    state = started(team, browser(), client_reference_id="attacker", **wanted)

    pages = [
        browser().open(callback(team, error="access_denied", state=state)),
        browser().open(callback(team, code="unknown", state=state)),
        browser().open(callback(team, code="unknown", state=state, returnUrl=ELSEWHERE)),
    ]

    assert all("link=" not in page.text for page in pages)
    assert button(pages[0]) == f"{team.url}/install"


def test_a_victim_who_is_led_through_the_attackers_own_flow_finishes_nothing(
    team: TwinProcess, browser: Browsers
) -> None:
    attacker, victim = browser(), browser()
    at_hubspot = attacker.open(link(team, client_reference_id="attacker")).headers["location"]

    page = victim.open(victim.consent(at_hubspot, ACME))

    assert refusal_of(page) == "browser_mismatch"
    assert team.account() == {}


def test_rotating_the_state_key_fails_no_install_and_no_link(team: TwinProcess, browser: Browsers) -> None:
    before, later, after = browser(), browser(), browser()
    url = before.consent(before.start().headers["location"])
    given_out = link(team, client_reference_id="customer-1")

    team.aws("secretsmanager").put_secret_value(SecretId=state_key_id(team), SecretString="rotated" * 8)

    assert "You are connected" in before.open(url).text
    assert "You are connected" in later.land(later.consent(later.open(given_out).headers["location"])).text
    assert "You are connected" in after.install().text
    time.sleep(REREAD_SECONDS)  # sooner, no browser brings what the new key has signed; the tests below would


# Every refusal ----------------------------------------------------------------------------------------------------


def with_code(twin: TwinProcess, visit: Visit, code: str | None = None, **wanted: object) -> requests.Response:
    return visit.open(callback(twin, code=code or a_code(twin), state=started(twin, visit, **wanted)))


def with_fault(twin: TwinProcess, visit: Visit, **fault: object) -> requests.Response:
    twin.simulate("faults", grant_type="authorization_code", **fault)
    return with_code(twin, visit)


def expired_link(twin: TwinProcess, visit: Visit) -> requests.Response:
    return visit.start(link=sign_link(InstallLink(int(time.time())), [state_key(twin)]))


def expired_state(twin: TwinProcess, visit: Visit) -> requests.Response:
    state = read_state(started(twin, visit), [state_key(twin)])
    old = InstallState(state.kind, state.nonce, int(time.time()), state.browser, state.redirect_uri)
    return visit.open(callback(twin, code=a_code(twin), state=sign_state(old, [state_key(twin)])))


def died_over_it(twin: TwinProcess, visit: Visit) -> requests.Response:
    """An attempt whose function vanished: it was begun long ago and has no outcome."""
    signed = started(twin, visit)
    nonce = read_state(signed, [state_key(twin)]).nonce
    began = str(int(time.time()) - PENDING_SECONDS)
    twin.aws("dynamodb").put_item(
        TableName=twin.outputs["ScratchTableName"],
        Item={"pk": {"S": f"attempt#{nonce}"}, "attempt_id": {"S": nonce}, "started_at": {"N": began}},
    )
    return visit.open(callback(twin, code=a_code(twin), state=signed))


def spent_by_another(twin: TwinProcess, visit: Visit) -> requests.Response:
    code = a_code(twin)
    with_code(twin, Visit(twin), code)
    return with_code(twin, visit, code)


def another_account(twin: TwinProcess, visit: Visit) -> requests.Response:
    return with_code(twin, visit, a_code(twin, BEISPIEL), hub_id=ACME)


def another_customer(twin: TwinProcess, visit: Visit) -> requests.Response:
    with_code(twin, visit, client_reference_id="customer-1")
    return with_code(twin, visit, client_reference_id="customer-2")


WAYS: dict[str, Way] = {
    "invalid_request": lambda _, visit: visit.start(hub_id="0123"),
    "return_to_not_allowed": lambda _, visit: visit.start(return_to="https://evil.test/"),
    "return_url_not_allowed": lambda twin, visit: visit.open(callback(twin, code="x", returnUrl="https://evil.test/")),
    "link_invalid": lambda _, visit: visit.start(link="forged"),
    "link_expired": expired_link,
    "state_invalid": lambda twin, visit: visit.open(callback(twin, code="x", state="forged")),
    "state_expired": expired_state,
    "browser_mismatch": lambda twin, visit: visit.open(callback(twin, code="x", state=started(twin, Visit(twin)))),
    "install_cancelled": lambda _, visit: visit.land(visit.consent(visit.start().headers["location"], ACME, "cancel")),
    "hubspot_refused": lambda twin, visit: visit.open(callback(twin, error="server_error")),
    "code_spent": spent_by_another,
    "interrupted": died_over_it,
    "code_rejected": lambda twin, visit: with_code(twin, visit, "unknown-to-hubspot"),
    "misconfigured": lambda twin, visit: with_fault(twin, visit, kind="error", error="BAD_REDIRECT_URI"),
    "hubspot_unavailable": lambda twin, visit: with_fault(twin, visit, kind="status", status=502),
    "wrong_account": another_account,
    "scopes_missing": lambda twin, visit: with_fault(twin, visit, kind="with", fields={"scopes": ["oauth"]}),
    "account_already_linked": another_customer,
}
ELSEWHERE_TESTED = {"not_configured": "test_without_a_client_secret_both_pages_say_what_the_operator_must_do"}


def test_every_refusal_code_has_a_way_to_it_over_http_and_no_other() -> None:
    assert sorted(WAYS | ELSEWHERE_TESTED) == sorted(refusals.BY_CODE)
    assert all(name in globals() for name in ELSEWHERE_TESTED.values())


@pytest.mark.parametrize("refusal", [r for r in refusals.ALL if r.code in WAYS], ids=lambda refusal: refusal.code)
def test_a_refusal_over_http_has_its_code_status_and_words_and_stores_nothing(
    team: TwinProcess, browser: Browsers, refusal: Refusal
) -> None:
    page = WAYS[refusal.code](team, browser())

    assert (refusal_of(page), page.status_code) == (refusal.code, refusal.status)
    assert refusal.title in html.unescape(page.text)
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    if refusal.code not in {"account_already_linked", "code_spent"}:  # those begin with an install that succeeds
        assert team.account(ACME) == team.account(BEISPIEL) == {}


def test_without_a_client_secret_both_pages_say_what_the_operator_must_do(tmp_path: Path) -> None:
    with twins.running(tmp_path / "state", environment={"HUBSPOT_CLIENT_SECRET": ""}) as bare:
        seamless = marketplace(bare, "seamless")

        pages = [Visit(bare).start(), Visit(bare).open(seamless)]

        assert [(refusal_of(page), page.status_code) for page in pages] == [("not_configured", 503)] * 2
        assert all("make secret" in page.text for page in pages)
        assert bare.token_calls("authorization_code") == 0


# What all of the above left behind --------------------------------------------------------------------------------


def test_none_of_it_left_a_code_token_cookie_or_state_in_the_logs(
    team: TwinProcess, all_browsers: Browsers, hubspot: RecordingSimulator
) -> None:
    if len(all_browsers.opened) < 100:
        pytest.skip("only some of the tests were chosen")
    secrets = all_browsers.secrets()
    made = [secret for secret in hubspot.made if len(secret) >= START]  # codes, access and refresh tokens
    assert {name.split()[0] for name in secrets} == {"code", "state", "link", "cookie"}
    assert len(made) > 3 * ROUNDS
    secrets |= {f"made by HubSpot {number}": secret for number, secret in enumerate(made)}
    secrets |= {"client secret": DEFAULT_CLIENT_SECRET, "state key": state_key(team)}

    log = (team.state / "emulator.log").read_text(errors="replace")

    assert "InstallsRefused" in log
    assert leaks({"log": log, "output": "".join(team.output.seen)}, secrets) == []


def test_the_races_left_no_code_token_cookie_or_state_in_the_logs(twin: TwinProcess, whole_crowd: Browsers) -> None:
    if len(whole_crowd.opened) < ROUNDS * BROWSERS:
        pytest.skip("only some of the tests were chosen")
    secrets = whole_crowd.secrets()
    secrets |= {"access token": twin.token().json()["access_token"], "state key": state_key(twin)}

    log = (twin.state / "emulator.log").read_text(errors="replace")

    assert "InstallsCompleted" in log
    assert leaks({"log": log, "output": "".join(twin.output.seen)}, secrets) == []


@pytest.mark.parametrize("metric_name", ["InstallsStarted", "InstallsReturned"])
def test_the_alarm_that_nobody_comes_back_reads_what_the_functions_write(
    team: TwinProcess, browser: Browsers, metric_name: str
) -> None:
    browser().install()

    metrics = load_template()["Resources"]["InstallsAlarm"]["Properties"]["Metrics"]
    [read] = [
        metric["MetricStat"]["Metric"]
        for metric in metrics
        if metric.get("MetricStat", {}).get("Metric", {}).get("MetricName") == metric_name
    ]
    written = eventually(lambda: emitted(team, metric_name))
    [stack] = team.aws("cloudformation").describe_stacks()["Stacks"]
    assert (read["Namespace"], [one["Name"] for one in read["Dimensions"]]) == ("HubSpotOAuth", ["service"])
    assert read["Dimensions"][0]["Value"] == {"Ref": "AWS::StackName"}
    for entry in written:
        [directive] = entry["_aws"]["CloudWatchMetrics"]
        assert (directive["Namespace"], directive["Dimensions"]) == (read["Namespace"], [["service"]])
        assert entry["service"] == stack["StackName"]


def emitted(twin: TwinProcess, metric: str) -> list[dict[str, Any]]:
    """The embedded metrics in the log that carry this one."""
    lines = (twin.state / "emulator.log").read_text(errors="replace").splitlines()
    return [json.loads(line[line.index("{") :]) for line in lines if '"_aws"' in line and f'"{metric}"' in line]
