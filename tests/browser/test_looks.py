"""Every page that people see: accessible in light and dark, on a desk and on a phone, and worth a look itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from hubspot_oauth.domain.settings import Brand
from hubspot_oauth.install import refusal_texts
from hubspot_oauth.install.pages import Pages
from hubspot_oauth.install.refusal import InstallRefused, Refusal
from tests.browser.person import DESK, Person
from tests.support.twin_client import ACME
from tests.support.twin_process import TwinProcess

ORIGIN = "https://install.example.com"
LOGO = "https://static.example.com/logo.svg"
PLAIN = Brand("HubSpot app", "", "#0b6e69", "", "")
LONG = "Customer-Relationship-Synchronisation für Großhandel & Söhne"
RICH = Brand(LONG, LOGO, "#ffd400", "https://app.example.com/", "https://help.example.com/install")
DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="15" fill="#b48c00"/></svg>'
)

Page = Callable[[Pages], str]
PAGES: dict[str, Page] = {
    "installed": lambda pages: pages.installed(ACME, "acme.example.com"),
    "pending": lambda pages: pages.pending(),
    "start": lambda pages: pages.start(f"{ORIGIN}/install"),
}
NOW = 1_800_000_000
FRESH = {"issued_at": NOW - 60, "expires_at": NOW + 1740, "refresh_at": NOW + 1140, "attempts": 0, "lease_until": 0}
STANDINGS: list[dict[str, Any]] = [
    {"status": "active", "version": 3, "binding": "bound", "client_reference_id": "customer-7"},
    {"status": "active", "version": 1, "binding": "unbound"},
    {"status": "active", "version": 8, "lease_until": NOW + 60},
    {"status": "active", "version": 8, "attempts": 2, "refresh_at": NOW - 5},
    {"status": "active", "version": 2, "expires_at": NOW - 1},
    {"status": "disconnecting", "version": 2},
    {"status": "needs_reinstall", "version": 41, "needs_reinstall_because": "BAD_REFRESH_TOKEN", "expires_at": NOW - 1},
]


@pytest.mark.parametrize("brand", [PLAIN, RICH], ids=["plain", "rich"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_product_looks_right(name: str, brand: Brand, visitor: Person) -> None:
    pages = Pages(brand, app_url="https://app.hubspot.com")

    shows(visitor, pages, PAGES[name](pages))

    visitor.looks(f"{name}-{'rich' if brand.logo_url else 'plain'}")


@pytest.mark.parametrize("refusal", refusal_texts.ALL, ids=lambda refusal: refusal.code)
def test_a_refusal_looks_right(refusal: Refusal, visitor: Person) -> None:
    pages = Pages(RICH, app_url="https://app.hubspot.com")

    scopes = ("crm.objects.contacts.read", "crm.lists.write", "business-intelligence", "oauth")
    named = {
        "scopes_missing": InstallRefused(refusal, missing_scopes=scopes),
        "wrong_account": InstallRefused(refusal, hub_id=ACME + 1, wanted_hub_id=ACME),
    }
    refused = named.get(refusal.code, InstallRefused(refusal))
    refused.retry_url = f"{ORIGIN}/install"

    shows(visitor, pages, pages.refused(refused))

    visitor.looks(f"refused-{refusal.code}")


def test_the_install_at_hubspot_looks_right(twin: TwinProcess, person: Person) -> None:
    person.opens("/")
    expect(person.page.get_by_text("Live")).to_be_visible()
    person.looks("console-empty")
    person.follows("Install Example app")
    person.reads("Choose an account")
    person.looks("hubspot-picker")
    person.follows("Free Portal")
    person.reads("Connect Example app to Free Portal")
    person.looks("hubspot-consent")
    person.page.get_by_label("Signed in as").select_option(label="member@example.test (neither of the two)")
    person.allows()
    person.reads("This app can't be installed")
    person.looks("hubspot-refused")


def test_the_marketplace_looks_right(team_twin: TwinProcess, customer: Person) -> None:
    customer.opens(f"{team_twin.hubspot_url}/marketplace")
    customer.looks("marketplace")
    customer.page.get_by_role("button", name="Install with the app's own sign-in first").click()
    customer.page.get_by_role("button", name="Sign in").click()
    customer.reads("Connect Example app to Acme Test")
    customer.looks("marketplace-consent")
    customer.allows()
    expect(customer.page.frame_locator("iframe").get_by_role("heading")).to_have_text("The app has handed you back")
    customer.looks("marketplace-finalize")


def test_the_console_with_accounts_in_every_state_looks_right(twin: TwinProcess, person: Person) -> None:
    accounts = [{"hub_id": ACME + number} | FRESH | standing for number, standing in enumerate(STANDINGS)]
    state = {"now": NOW, "accounts": accounts, "more": False}
    person.page.route("**/_console/state", lambda route: route.fulfill(json=state))

    person.opens("/")

    expect(person.page.get_by_role("row")).to_have_count(1 + len(accounts))
    person.looks("console-accounts")


def test_the_console_beside_the_real_hubspot_warns_of_real_tokens(team_twin: TwinProcess, customer: Person) -> None:
    customer.opens("/")

    expect(customer.page.get_by_text("These are real tokens.")).to_be_visible()
    customer.looks("console-real")


@pytest.fixture
def visitor(chromium: Browser, pictures: Path) -> Any:
    with chromium.new_context(viewport=DESK) as context:
        person = Person(context, ORIGIN, pictures)
        yield person
    assert person.complaints == []


def shows(visitor: Person, pages: Pages, html: str) -> None:
    """Open the page with its own headers, the Content-Security-Policy among them."""

    def answer(route: Route) -> None:
        if route.request.url == LOGO:
            route.fulfill(body=DRAWING, content_type="image/svg+xml")
        else:
            route.fulfill(body=html, headers=pages.headers(framed=False))

    visitor.context.route("**/*", answer)
    visitor.opens("/")
