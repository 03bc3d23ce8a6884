"""Visits that a plain install does not make: by programs, to other addresses, with what others add, and once more."""

from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest

from hubspot_oauth.domain.install_state import STATE_SECONDS, InstallLink
from hubspot_oauth.install.cookies import ENDED_SECONDS, MOST_COOKIES
from hubspot_oauth.install.parsed_queries import MOST_CALLER_STATE
from simulator import Running
from tests.support.browser_reading import button_target, query_of
from tests.support.product_visitor import ProductVisitor, location, refusal_of
from tests.support.simulated_hubspot import token_calls
from tests.support.stack import Clock, Stack, record_calls

MakeStack = Callable[..., Stack]
MAPPED = "https://api.example.com/hubspot/oauth-callback"
RETURN_URL = "https://app.hubspot.com/marketplace/continue"
A_WEEK = 7 * 24 * 3600


def link_for(visitor: ProductVisitor, reference: str, **wanted: object) -> str:
    """The address of a customer's install link, good for a week."""
    expires_at = int(visitor.stack.clock()) + A_WEEK
    return visitor.stack.links.make(InstallLink(expires_at, reference, **wanted), visitor.host)  # type: ignore[arg-type]


def button(page: dict[str, object]) -> str | None:
    """Where the page's button leads, or None if it has none."""
    html = str(page["body"])
    return button_target(html).replace("&amp;", "&") if 'class="button"' in html else None


# Addresses beside the redirect URL's


@pytest.fixture
def mapped(make_stack: MakeStack, hubspot: Running) -> ProductVisitor:
    """A visitor of an API behind an API mapping, which puts /hubspot before every path."""
    return ProductVisitor(make_stack(REDIRECT_URL=MAPPED), hubspot.simulator, host="api.example.com")


def test_behind_an_api_mapping_a_signed_link_leads_to_our_own_install_route(mapped: ProductVisitor) -> None:
    assert link_for(mapped, "customer-1").startswith("https://api.example.com/hubspot/install?link=")


@pytest.mark.parametrize("visit", ["", "error=access_denied"])
def test_behind_an_api_mapping_a_button_leads_to_our_own_install_route(mapped: ProductVisitor, visit: str) -> None:
    assert button(mapped.open(f"/oauth-callback?{visit}")) == "https://api.example.com/hubspot/install"


def test_behind_an_api_mapping_start_again_leads_to_our_own_install_route(mapped: ProductVisitor) -> None:
    state = query_of(location(mapped.open(link_for(mapped, "customer-1"))))["state"]

    again = button(mapped.open(f"/oauth-callback?error=access_denied&state={state}"))

    assert again
    assert again.startswith("https://api.example.com/hubspot/install?link=")


def test_behind_an_api_mapping_a_start_elsewhere_is_sent_to_our_own_install_route(mapped: ProductVisitor) -> None:
    mapped.host = "abc.execute-api.eu-central-1.amazonaws.com"

    assert location(mapped.install()) == "https://api.example.com/hubspot/install?bounced=1"


@pytest.mark.parametrize(
    ("redirect_url", "callback_path", "install_url"),
    [
        ("https://api.example.com/oauth-callback", "/oauth-callback", "https://api.example.com/install"),
        ("https://api.example.com/a/b/oauth-callback", "/oauth-callback", "https://api.example.com/a/b/install"),
        ("https://api.example.com/a/callback", "/a/callback", "https://api.example.com/install"),
        ("https://www.example.com/", "/", "https://www.example.com/install"),
        ("https://www.example.com/rewritten", "/oauth-callback", "https://www.example.com/install"),
        ("", "/oauth-callback", "https://abc.test/install"),
    ],
)
def test_installs_start_beside_the_redirect_url(
    make_stack: MakeStack, redirect_url: str, callback_path: str, install_url: str
) -> None:
    settings = make_stack(REDIRECT_URL=redirect_url, CALLBACK_PATH=callback_path).settings

    assert settings.install_url("abc.test") == install_url


# What others add to an address


@pytest.mark.parametrize(
    "added",
    [
        "utm_source=a&utm_source=b",
        "&".join(f"p{n}=1" for n in range(60)),
        "x=%ff",
        "%ff=%ff&%ff=1",
        "a=1;hub_id=7",
        "=",
    ],
)
def test_what_others_add_to_an_install_link_does_not_matter(visitor: ProductVisitor, added: str) -> None:
    link = link_for(visitor, "customer-1")

    visitor.open(visitor.consent(location(visitor.open(f"{link}&{added}"))) + f"&{added}")

    assert visitor.stack.stored(100001).client_reference_id == "customer-1"


@pytest.mark.parametrize("name", ["hub_id", "return_to", "state", "link"])
def test_a_parameter_of_ours_given_twice_is_refused(visitor: ProductVisitor, name: str) -> None:
    assert refusal_of(visitor.open(f"/install?{name}=1&{name}=1")) == "invalid_request"


@pytest.mark.parametrize("name", ["code", "state", "error", "step", "returnUrl"])
def test_a_parameter_of_hubspots_given_twice_is_refused(visitor: ProductVisitor, name: str) -> None:
    assert refusal_of(visitor.open(f"/oauth-callback?{name}=1&{name}=1")) == "invalid_request"


def test_a_return_url_of_any_length_that_arrives_keeps_the_code(visitor: ProductVisitor) -> None:
    code = query_of(visitor.callback_url())["code"]
    long = f"{RETURN_URL}?scopes=" + "%20".join(f"crm.objects.custom{n}.read" for n in range(200))

    landing = location(visitor.open(f"/oauth-callback?code={code}&returnUrl={quote(long, safe='')}"))

    assert landing == long
    assert visitor.stack.account(100001)


def test_a_code_of_any_length_that_arrives_is_exchanged(visitor: ProductVisitor, hubspot: Running) -> None:
    url = visitor.callback_url().replace("code=", f"code={'x' * 5000}")

    assert refusal_of(visitor.open(url)) == "code_rejected"  # HubSpot's word, not ours
    assert token_calls(hubspot.simulator, "authorization_code") == 1


@pytest.mark.parametrize(
    "state", ["a\u200db", "line\nfeed", "\x00", "\U0001f469\u200d\U0001f680", "", " ", "é" * (MOST_CALLER_STATE // 2)]
)
def test_the_callers_state_comes_back_unchanged(visitor: ProductVisitor, state: str) -> None:
    landing = location(visitor.walk(return_to="https://app.example.com/done", state=state))

    assert landing == "https://app.example.com/done?" + urlencode({"hub_id": 100001, "state": state}, quote_via=quote)


def test_a_callers_state_that_is_not_utf_8_is_refused_instead_of_changed(visitor: ProductVisitor) -> None:
    assert refusal_of(visitor.open("/install?state=%ff")) == "invalid_request"


def test_a_parameter_before_a_semicolon_in_return_to_gives_way_to_ours(visitor: ProductVisitor) -> None:
    landing = location(visitor.walk(return_to="https://app.example.com/done?a=1;hub_id=666;b=2"))

    assert landing == "https://app.example.com/done?a=1;b=2&hub_id=100001"


# Once more


def test_a_customers_install_finished_in_another_browser_is_not_started_again_without_the_customer(
    visitor: ProductVisitor,
) -> None:
    url = visitor.consent(location(visitor.open(link_for(visitor, "customer-1"))))

    page = ProductVisitor(visitor.stack, visitor.simulator).open(url)

    assert refusal_of(page) == "browser_mismatch"
    assert button(page) is None
    assert "open the link that you were given once more, in this browser" in page["body"]


def test_a_plain_install_finished_in_another_browser_is_started_again_with_all_it_asked(
    visitor: ProductVisitor,
) -> None:
    asked = {"hub_id": "100001", "return_to": "https://app.example.com/done", "state": "theirs"}
    url = visitor.consent(location(visitor.install(**asked)))

    page = ProductVisitor(visitor.stack, visitor.simulator).open(url)

    assert refusal_of(page) == "browser_mismatch"
    assert query_of(button(page) or "") == asked


@pytest.mark.parametrize("visit", ["error=access_denied", "error=server_error", "code=another", "x=y"])
@pytest.mark.parametrize("late", [False, True])
def test_after_a_success_every_later_answer_shows_it(
    visitor: ProductVisitor, clock: Clock, visit: str, late: bool
) -> None:
    url = visitor.callback_url()
    first = visitor.open(url)
    if late:
        clock.forward(STATE_SECONDS)

    again = visitor.open(f"/oauth-callback?{visit}&state={query_of(url)['state']}")

    assert again["body"] == first["body"]
    assert "You are connected" in again["body"]


def test_a_person_who_cancels_while_the_install_is_being_finished_is_not_told_that_it_was_cancelled(
    visitor: ProductVisitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = visitor.callback_url()

    def die(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(visitor.stack.hubspot, "exchange", die)
    with pytest.raises(SystemExit):
        visitor.open(url)

    page = visitor.open(f"/oauth-callback?error=access_denied&state={query_of(url)['state']}")

    assert "Finishing the installation" in page["body"]


def test_starting_again_keeps_the_first_links_expiry(visitor: ProductVisitor, clock: Clock) -> None:
    link = link_for(visitor, "customer-1")
    for _ in range(3):
        clock.forward(A_WEEK / 4)
        state = query_of(location(visitor.open(link)))["state"]
        link = button(visitor.open(f"/oauth-callback?error=access_denied&state={state}")) or ""

    clock.forward(A_WEEK / 4)

    assert refusal_of(visitor.open(link)) == "link_expired"


def test_a_state_older_than_its_link_yields_no_link(visitor: ProductVisitor, clock: Clock) -> None:
    state = query_of(location(visitor.open(link_for(visitor, "customer-1"))))["state"]
    clock.forward(A_WEEK)

    page = visitor.open(f"/oauth-callback?error=access_denied&state={state}")

    assert refusal_of(page) == "install_cancelled"
    assert button(page) is None


def test_a_code_that_comes_without_a_state_again_and_again_does_not_loop(visitor: ProductVisitor) -> None:
    once = location(visitor.open("/oauth-callback?code=somebodys"))
    location(visitor.open(once))

    page = visitor.open("/oauth-callback?code=somebody-elses")

    assert (page["statusCode"], button(page)) == (200, once)


@pytest.mark.parametrize("error", ["access_denied", "server_error"])
def test_a_page_that_hubspot_may_frame_has_no_link_of_a_customer(visitor: ProductVisitor, error: str) -> None:
    state = query_of(location(visitor.open(link_for(visitor, "customer-1"))))["state"]

    page = visitor.open(f"/oauth-callback?step=finalize&error={error}&state={state}")

    assert "link=" in (button(page) or "")
    assert "frame-ancestors 'none'" in page["headers"]["content-security-policy"]


# Cookies


@pytest.mark.parametrize("blank", ["\u2000", "\u00a0", "\x85", "\u3000", "\x0b", "\x1f"])
def test_a_cookie_whose_name_begins_with_another_blank_is_another_cookie(visitor: ProductVisitor, blank: str) -> None:
    url = visitor.callback_url()
    tossed = {f"{blank}{name}": value for name, value in visitor.cookies.items()}

    page = ProductVisitor(visitor.stack, visitor.simulator, cookies=tossed).open(url)

    assert refusal_of(page) == "browser_mismatch"


def test_one_browser_keeps_the_cookies_of_its_newest_installs(make_stack: MakeStack, hubspot: Running) -> None:
    public = make_stack(REDIRECT_URL="https://auth.example.com/oauth-callback")
    visitor = ProductVisitor(public, hubspot.simulator, host="auth.example.com", cookies={"theirs": "1"})

    states = [query_of(location(visitor.install()))["state"] for _ in range(40)]

    assert len(visitor.cookies) == 1 + MOST_COOKIES
    sent = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    assert len(sent) < 1000
    kept, dropped = (
        visitor.open(f"/oauth-callback?code=x&state={states[-n]}") for n in (MOST_COOKIES, MOST_COOKIES + 1)
    )
    assert (refusal_of(kept), refusal_of(dropped)) == ("code_rejected", "browser_mismatch")


@pytest.mark.parametrize("allowed", [True, False])
def test_the_cookie_of_an_install_that_has_ended_goes_soon(visitor: ProductVisitor, allowed: bool) -> None:
    url = visitor.consent(location(visitor.install()), allowed=allowed)
    [name] = visitor.cookies

    ended = visitor.open(url)

    assert ended["cookies"] == [
        f"{name}={visitor.cookies[name]}; Path=/; Max-Age={ENDED_SECONDS}; HttpOnly; SameSite=Lax"
    ]


# Programs

PREVIEWS = [
    {"user-agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
    {"user-agent": "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com"},
    {"user-agent": "facebookexternalhit/1.1 Facebot Twitterbot/1.0"},
    {"user-agent": "WhatsApp/2.23.20.0 A"},
    {"user-agent": "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient)"},
    {"sec-purpose": "prefetch"},
    {"sec-purpose": "prefetch;prerender"},
    {"purpose": "prefetch"},
    {"x-purpose": "preview"},
    {"x-moz": "prefetch"},
]
PEOPLE = [
    {},
    {"user-agent": "Mozilla/5.0 (Macintosh) AppleWebKit/537.36 Slack/4.41.105 Chrome/130.0 Electron/33.0"},
    {"user-agent": "Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36"},
    {"user-agent": "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Mobile/15E148 [FBAN/FBIOS;FBAV/480.0]"},
]


@pytest.mark.parametrize("headers", PREVIEWS, ids=str)
def test_a_preview_of_an_install_link_starts_no_install(visitor: ProductVisitor, headers: dict[str, str]) -> None:
    link = link_for(visitor, "customer-1")
    visitor.headers = headers

    page = visitor.open(link)

    assert (page["statusCode"], button(page)) == (200, link)
    assert "cookies" not in page
    assert visitor.stack.reports.entries == []


@pytest.mark.parametrize("headers", PREVIEWS, ids=str)
def test_a_preview_of_the_callback_spends_no_code(visitor: ProductVisitor, headers: dict[str, str]) -> None:
    url = visitor.callback_url()
    calls = record_calls(visitor.stack.dynamodb)
    counted = len(visitor.stack.reports.entries)
    visitor.headers = headers

    page = visitor.open(url)

    assert page["statusCode"] == 200
    assert calls == []
    assert len(visitor.stack.reports.entries) == counted
    visitor.headers = {}
    assert "You are connected" in visitor.open(url)["body"]


@pytest.mark.parametrize("path", ["/install", "/install?link=forged", "/oauth-callback", "/oauth-callback?code=x"])
def test_a_head_request_gets_the_headers_of_a_page_and_counts_nothing(visitor: ProductVisitor, path: str) -> None:
    answer = visitor.open(path, "HEAD")

    assert (answer["statusCode"], answer["body"]) == (200, "")
    assert visitor.stack.reports.entries == []


@pytest.mark.parametrize("headers", PEOPLE, ids=str)
def test_a_persons_browser_is_no_program(visitor: ProductVisitor, headers: dict[str, str]) -> None:
    visitor.headers = headers

    location(visitor.install())

    assert visitor.stack.reports.total("InstallsStarted") == 1
