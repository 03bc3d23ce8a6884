"""What the installing customer reads at the end: whose app it is, which accounts, and the way back."""

import re

import pytest

from hubspot_oauth.adapters import http_calls
from hubspot_oauth.domain.call_timeouts import BEST_EFFORT_SECONDS
from simulator import Running
from simulator.faults import parse_fault
from tests.integration.test_install import MakeStack
from tests.support.product_visitor import ProductVisitor, location, refusal_of

HOME = "https://app.example.com/"


def links_of(page: dict[str, str]) -> dict[str, str]:
    """The page's links, by what they say."""
    return {text: href for href, text in re.findall('<a class="[a-z]+" href="([^"]*)">([^<]*)</a>', page["body"])}


@pytest.fixture
def at_home(make_stack: MakeStack, hubspot: Running) -> ProductVisitor:
    """A visitor of an app whose own address is known."""
    return ProductVisitor(make_stack(APP_URL=HOME, APP_NAME="Contoso"), hubspot.simulator)


def test_every_page_leads_back_to_the_app(at_home: ProductVisitor) -> None:
    pages = [
        at_home.walk(),
        at_home.open("/oauth-callback"),
        at_home.open("/oauth-callback?code=x&state=forged"),
        at_home.install(link="broken"),
        at_home.open(at_home.consent(location(at_home.install()), allowed=False)),
    ]

    assert [links_of(page).get("Back to Contoso") for page in pages] == [HOME] * 5


def test_without_an_address_of_the_app_no_page_leads_back(visitor: ProductVisitor) -> None:
    pages = [visitor.walk(), visitor.open("/oauth-callback"), visitor.install(link="broken")]

    assert not any("Back to" in page["body"] for page in pages)


def test_a_cancelled_install_leads_back_to_where_it_came_from(at_home: ProductVisitor) -> None:
    came_from = "https://app.example.com/settings?tab=hubspot"

    page = at_home.open(at_home.consent(location(at_home.install(return_to=came_from)), allowed=False))

    assert refusal_of(page) == "install_cancelled"
    assert links_of(page)["Back to Contoso"] == came_from
    assert links_of(page)["Start again"]


def test_a_place_that_is_no_longer_allowed_is_no_way_back(
    at_home: ProductVisitor, make_stack: MakeStack, hubspot: Running
) -> None:
    url = at_home.consent(location(at_home.install(return_to="https://app.example.com/settings")), allowed=False)
    now = make_stack(APP_URL=HOME, APP_NAME="Contoso", RETURN_TO_ORIGINS="https://other.example.com")

    page = ProductVisitor(now, hubspot.simulator, cookies=at_home.cookies).open(url)

    assert links_of(page)["Back to Contoso"] == HOME


def test_a_broken_or_expired_link_says_whose_app_it_is(at_home: ProductVisitor) -> None:
    page = at_home.install(link="broken")

    assert refusal_of(page) == "link_invalid"
    assert "Start the installation again in Contoso, or ask whoever sent you the link" in page["body"]


def test_another_account_than_the_wanted_one_is_named_beside_it(visitor: ProductVisitor) -> None:
    at_hubspot = location(visitor.install(hub_id="100001"))
    url = visitor.consent(at_hubspot.replace("/oauth/100001/", "/oauth/"), 100002)

    pages = [visitor.open(url) for _ in range(2)]

    assert [refusal_of(page) for page in pages] == ["wrong_account"] * 2
    for page in pages:
        assert "for account <strong>100001</strong>. You chose account <strong>100002</strong>" in page["body"]


def test_missing_permissions_are_said_in_words_beside_their_names(
    visitor: ProductVisitor, make_stack: MakeStack
) -> None:
    url = visitor.callback_url()
    scopes = "oauth crm.objects.contacts.read crm.objects.deals.write business-intelligence"
    strict = ProductVisitor(make_stack(REQUIRED_SCOPES=scopes), visitor.simulator, cookies=visitor.cookies)

    page = strict.open(url)

    assert "<li>change deals <code>crm.objects.deals.write</code></li>" in page["body"]
    assert "<li><code>business-intelligence</code></li>" in page["body"]
    assert "Super Admin" not in page["body"]


def test_success_names_the_account_by_its_domain_as_the_api_does(visitor: ProductVisitor) -> None:
    url = visitor.callback_url()

    pages = [visitor.open(url) for _ in range(2)]

    assert all("<strong>account-100001.example</strong> (100001)" in page["body"] for page in pages)
    assert visitor.stack.accounts_route.one(100001)["domain"] == "account-100001.example"


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503},
        {"kind": "with", "fields": {"hub_domain": "<b>evil</b>"}},
        {"kind": "with", "fields": {"hub_domain": "a..\ud800"}},
        {"kind": "with", "fields": {"hub_domain": ["x"]}},
        {"kind": "without", "fields": ["hub_domain"]},
    ],
)
def test_an_install_needs_no_domain(visitor: ProductVisitor, hubspot: Running, fault: dict[str, object]) -> None:
    url = visitor.callback_url()
    hubspot.simulator.faults.add(parse_fault({"endpoint": "introspect", **fault}))

    page = visitor.open(url)

    assert "connected to your HubSpot account <strong>100001</strong>." in page["body"]
    assert visitor.stack.accounts_route.one(100001)["domain"] is None


def test_an_install_waits_three_seconds_for_a_domain_and_no_longer(
    visitor: ProductVisitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    real = http_calls.call

    def call(client: object, method: str, url: str, seconds: float, **content: object) -> http_calls.Answer:
        if url.endswith("/introspect"):
            waited.append(seconds)
        return real(client, method, url, seconds, **content)  # type: ignore[arg-type]

    monkeypatch.setattr(http_calls, "call", call)

    visitor.walk()

    assert waited == [BEST_EFFORT_SECONDS]


def test_a_reinstall_that_learns_no_domain_keeps_the_one_that_is_known(
    visitor: ProductVisitor, hubspot: Running
) -> None:
    visitor.walk()
    hubspot.simulator.faults.add(parse_fault({"endpoint": "introspect", "kind": "status", "status": 503}))

    visitor.walk()

    assert visitor.stack.stored(100001).hub_domain == "account-100001.example"
