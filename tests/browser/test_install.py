"""People who install the app, in a real browser."""

import re
import time
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import requests
from playwright.sync_api import expect

from hubspot_oauth.install.signed_state import read_state, sign_state
from tests.browser.person import Person
from tests.browser.team import Team
from tests.support.twin_client import ACME, BEISPIEL
from tests.support.twin_process import TwinProcess
from tests.support.waiting import eventually

EXCHANGE = "authorization_code"


def test_an_install_leads_from_the_console_to_the_success_page_and_shows_in_the_console(
    twin: TwinProcess, person: Person
) -> None:
    console = person.tab()
    console.opens("/")
    expect(console.page.get_by_text("No account is connected yet")).to_be_visible()

    person.opens("/")
    person.follows("Install Example app")
    person.chooses("Acme Test")
    person.reads("Connect Example app to Acme Test")
    person.allows()

    person.reads("You are connected")
    expect(person.page.get_by_role("main")).to_contain_text(str(ACME))
    row = console.page.get_by_role("row", name=str(ACME))
    expect(row).to_contain_text("Connected")
    expect(row).to_contain_text("in ")
    assert twin.accepted(twin.token().json()["access_token"])


def test_a_person_who_cancels_reads_what_happened_and_can_start_again(twin: TwinProcess, person: Person) -> None:
    person.opens("/install")
    person.chooses("Acme Test")
    person.cancels()
    person.reads("The installation was cancelled")
    person.reads_code("install_cancelled")

    person.follows("Start again")
    person.chooses("Acme Test")
    person.allows()

    person.reads("You are connected")
    assert twin.token().status_code == 200


def test_reloading_the_success_page_shows_it_again_and_exchanges_nothing(twin: TwinProcess, person: Person) -> None:
    person.installs_in("Acme Test")
    person.reads("You are connected")
    before = twin.token_calls(EXCHANGE)

    person.page.reload()

    person.reads("You are connected")
    assert twin.token_calls(EXCHANGE) == before


def test_loading_the_page_again_while_the_install_runs_waits_for_its_end(twin: TwinProcess, person: Person) -> None:
    before, ended = twin.token_calls(EXCHANGE), ended_installs(twin)
    twin.simulate("faults", kind="slow", grant_type=EXCHANGE, seconds=60)
    person.opens("/install")
    person.chooses("Acme Test")
    person.reads("Connect Example app to Acme Test")
    with person.page.expect_request("**/oauth-callback?*") as asked:
        person.allows_without_waiting()
    eventually(lambda: faults(twin)[0]["hits"])

    person.opens(asked.value.url)
    person.reads("Finishing the installation")
    twin.clear_faults()
    eventually(lambda: ended_installs(twin) > ended)
    person.follows("Continue")

    person.reads("You are connected")
    assert twin.token_calls(EXCHANGE) == before + 1


def test_two_tabs_at_once_both_finish(twin: TwinProcess, person: Person) -> None:
    other = person.tab()
    for tab, account in ((person, "Acme Test"), (other, "Beispiel GmbH")):
        tab.opens("/install")
        tab.chooses(account)
        tab.reads(account)

    for tab in (person, other):  # sent at once, without waiting for an answer in between
        tab.allows_without_waiting()

    person.reads("You are connected")
    other.reads("You are connected")
    expect(person.page.get_by_role("main")).to_contain_text(str(ACME))
    expect(other.page.get_by_role("main")).to_contain_text(str(BEISPIEL))
    assert (twin.token(ACME).status_code, twin.token(BEISPIEL).status_code) == (200, 200)


def test_going_back_after_success_and_allowing_once_more_ends_on_the_same_page(
    twin: TwinProcess, person: Person
) -> None:
    person.installs_in("Acme Test")
    person.reads("You are connected")
    before = twin.token_calls(EXCHANGE)

    person.page.go_back()
    person.allows()

    person.reads("You are connected")
    assert twin.token_calls(EXCHANGE) == before
    assert twin.accepted(twin.token().json()["access_token"])


def test_going_back_after_success_and_choosing_another_account_names_the_one_that_is_connected(
    twin: TwinProcess, person: Person
) -> None:
    person.installs_in("Acme Test")
    person.reads("You are connected")

    person.page.go_back()
    person.follows("choose another")
    person.chooses("Beispiel GmbH")
    person.allows()

    person.reads("You are connected")
    expect(person.page.get_by_role("main")).to_contain_text(str(ACME))
    assert (twin.token(ACME).status_code, twin.token(BEISPIEL).status_code) == (200, 404)


def test_going_back_after_a_cancel_and_allowing_installs(twin: TwinProcess, person: Person) -> None:
    person.opens("/install")
    person.chooses("Acme Test")
    person.cancels()
    person.reads("The installation was cancelled")

    person.page.go_back()
    person.allows()

    person.reads("You are connected")
    assert twin.token().status_code == 200


def test_a_person_who_takes_more_than_ten_minutes_is_told_so_and_can_start_again(
    twin: TwinProcess, person: Person
) -> None:
    person.opens("/install")
    person.chooses("Acme Test")
    person.reads("Connect Example app to Acme Test")
    ten_minutes_pass(twin, person)
    person.allows()
    person.reads("This installation took too long")
    person.reads_code("state_expired")
    assert twin.account() == {}

    person.follows("Start again")
    person.chooses("Acme Test")
    person.allows()

    person.reads("You are connected")


def test_a_link_for_one_account_refuses_another_and_starts_again_for_the_right_one(
    twin: TwinProcess, person: Person
) -> None:
    person.opens(f"/install?hub_id={BEISPIEL}")
    person.reads("Connect Example app to Beispiel GmbH")
    person.follows("choose another")
    person.chooses("Acme Test")
    person.allows()
    person.reads("That was another HubSpot account")
    person.reads_code("wrong_account")
    assert twin.account(ACME) == {}

    person.follows("Start again")
    person.reads("Connect Example app to Beispiel GmbH")
    person.allows()

    person.reads("You are connected")
    assert (twin.token(ACME).status_code, twin.token(BEISPIEL).status_code) == (404, 200)


def test_a_link_of_the_teams_brings_the_customer_back_to_the_teams_site(
    team_twin: TwinProcess, team: Team, customer: Person
) -> None:
    customer.opens(team.link(client_reference_id="customer-3", return_to=f"{team.url}/connected"))
    customer.chooses("Acme Test")
    customer.allows()

    customer.reads("Welcome back to Example")
    expect(customer.page).to_have_url(re.compile(rf"{re.escape(team.url)}/connected\?hub_id={ACME}$"))
    assert team_twin.account()["client_reference_id"] == "customer-3"


def test_an_install_needs_no_more_than_a_keyboard(twin: TwinProcess, person: Person) -> None:
    person.opens("/oauth-callback")
    for heading, name in (
        ("Connect Example app to HubSpot", "Start the installation"),
        ("Choose an account", "Acme Test"),
        ("Connect Example app to Acme Test", "Allow"),
    ):
        person.reads(heading)
        person.tabs_to(name)
        person.page.keyboard.press("Enter")

    person.reads("You are connected")
    assert twin.token().status_code == 200


def faults(twin: TwinProcess) -> list[dict[str, Any]]:
    return list(requests.get(f"{twin.hubspot_url}/_sim/faults", timeout=10).json()["faults"])


def ended_installs(twin: TwinProcess) -> int:
    """How many attempts have an outcome."""
    table = twin.outputs["ScratchTableName"]
    found = twin.aws("dynamodb").scan(TableName=table, FilterExpression="attribute_exists(outcome)", Select="COUNT")
    return int(found["Count"])


def ten_minutes_pass(twin: TwinProcess, person: Person) -> None:
    """The state that HubSpot will send back becomes as old as if the person had waited."""
    [stack] = twin.aws("cloudformation").describe_stacks()["Stacks"]
    secret = twin.aws("cloudformation").describe_stack_resource(
        StackName=stack["StackName"], LogicalResourceId="StateKey"
    )
    key_id = secret["StackResourceDetail"]["PhysicalResourceId"]
    keys = [twin.aws("secretsmanager").get_secret_value(SecretId=key_id)["SecretString"]]
    field = person.page.locator("input[name=request]")
    request = dict(parse_qsl(field.input_value()))
    state = replace(read_state(request["state"], keys), expires_at=int(time.time()))
    aged = urlencode(request | {"state": sign_state(state, keys)})
    field.evaluate("(field, value) => { field.value = value }", aged)
