"""Installs that begin in HubSpot's Marketplace, whose pages are on another site than the product."""

from playwright.sync_api import Frame, expect

from tests.browser.person import Person, assert_accessible
from tests.browser.team import CUSTOMER, Team
from tests.support.team_twin import assert_stored_unbound
from tests.support.twin_client import ACME, BEISPIEL
from tests.support.twin_process import TwinProcess
from tests.support.waiting import eventually


def test_an_install_from_the_marketplace_ends_back_there_unbound(team_twin: TwinProcess, customer: Person) -> None:
    customer.opens(f"{team_twin.hubspot_url}/marketplace")
    customer.page.get_by_role("button", name="Install from the Marketplace").click()

    customer.reads("The app has handed you back")
    assert_stored_unbound(team_twin)


def test_an_install_with_the_teams_sign_in_finishes_in_hubspots_frame_and_belongs_to_that_customer(
    team_twin: TwinProcess, customer: Person
) -> None:
    with customer.page.expect_request(lambda request: "step=finalize" in request.url) as finalizing:
        signs_in_and_allows(team_twin, customer)

    frame = customer.page.frame_locator("iframe")
    expect(frame.get_by_role("heading", level=1)).to_have_text("The app has handed you back")
    assert customer.page.url.startswith(team_twin.hubspot_url)
    assert any("hubspot-install" in cookie["name"] for cookie in customer.context.cookies(team_twin.url))
    assert "cookie" not in finalizing.value.all_headers(), "a frame on another site gets no Lax cookie"
    assert team_twin.account()["binding"] == "bound"
    assert team_twin.account()["client_reference_id"] == CUSTOMER
    assert team_twin.token().status_code == 200


def test_a_refusal_in_hubspots_frame_can_be_read_and_has_nothing_to_click_away_a_customers_link_with(
    team_twin: TwinProcess, team: Team, customer: Person
) -> None:
    team.hub_id = BEISPIEL
    signs_in_and_allows(team_twin, customer)

    frame = customer.page.frame_locator("iframe")
    expect(frame.get_by_role("heading", level=1)).to_have_text("That was another HubSpot account")
    assert_accessible(framed(customer), "a refusal in the frame")
    assert team_twin.account(ACME) == {}
    customer.page.screenshot(path=customer.pictures / "refused-in-frame.png")

    expect(frame.get_by_text("To start again, begin where you began")).to_be_visible()
    expect(frame.get_by_role("link", name="Start again")).to_have_count(0)


def signs_in_and_allows(twin: TwinProcess, customer: Person) -> None:
    customer.opens(f"{twin.hubspot_url}/marketplace")
    customer.page.get_by_role("button", name="Install with the app's own sign-in first").click()
    customer.reads("Sign in to Example")
    customer.page.get_by_role("button", name="Sign in").click()
    customer.reads("Acme Test")
    customer.allows()
    customer.reads("Finishing the install")


def framed(customer: Person) -> Frame:
    """The product's frame in HubSpot's page, once it is there."""
    return eventually(lambda: next((frame for frame in customer.page.frames if customer.twin_url in frame.url), None))
