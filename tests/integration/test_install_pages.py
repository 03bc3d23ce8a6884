"""What the installing customer reads at the end: whose app it is, which accounts, and the way back."""

import re

import pytest

from simulator import Running
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
