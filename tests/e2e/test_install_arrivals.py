"""Each way in which a browser may arrive at the callback, and what it comes to."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from hubspot_oauth.adapters.state_keys import REREAD_SECONDS
from ops.template import load_template
from tests.support.browser_reading import button_target, query_of
from tests.support.team_twin import (
    SIGN_IN,
    Browsers,
    assert_stored_unbound,
    callback,
    finalize,
    install_link,
    leaks_in_logs,
    linked_to,
    marketplace,
    sign_in,
    start_install,
    state_key_id,
)
from tests.support.twin_client import ACME, BEISPIEL
from tests.support.twin_process import TwinProcess
from tests.support.twin_visitor import refusal_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.takes(seconds=20)


def test_arrival_code_and_our_state_is_the_normal_path(team: TwinProcess, browsers: Browsers) -> None:
    visitor = browsers()

    page = visitor.install_by(install_link(team, client_reference_id="customer-1"))

    assert "You are connected" in page.text
    assert team.account()["binding"] == "bound"
    assert linked_to(team, "customer-1") == [ACME]


@pytest.mark.parametrize("with_state", [True, False])
def test_arrival_error_is_a_clear_page_with_a_way_to_start_again(
    team: TwinProcess, browsers: Browsers, with_state: bool
) -> None:
    visitor = browsers()
    known = {"state": start_install(team, visitor, client_reference_id="customer-1")} if with_state else {}

    page = visitor.open(callback(team, error="access_denied", error_description="<b>no</b>", **known))

    assert refusal_of(page) == "install_cancelled"
    assert "<b>" not in page.text
    assert button_target(page.text).startswith(f"{team.url}/install")
    assert ("?link=" in button_target(page.text)) == with_state


def test_arrival_code_and_return_url_is_stored_unbound_and_goes_back_to_the_marketplace(
    team: TwinProcess, browsers: Browsers
) -> None:
    url = marketplace(team, "seamless")

    answer = browsers().open(url)

    assert answer.headers["location"] == query_of(url)["returnUrl"]
    assert_stored_unbound(team)


def test_arrival_authorize_goes_through_the_teams_sign_in_and_finalize_in_an_iframe_binds_to_that_user(
    team: TwinProcess, browsers: Browsers
) -> None:
    person, iframe = browsers(), browsers()  # the iframe has none of the cookies
    to_sign_in = person.open(marketplace(team, "sign-in")).headers["location"]
    assert to_sign_in.startswith(f"{SIGN_IN}?hubspot_return_url=")

    return_url = query_of(to_sign_in)["hubspot_return_url"]
    at_hubspot = sign_in(team, person, "customer-1", return_url)
    assert at_hubspot.startswith(f"{return_url}?state=")
    url = finalize(team, at_hubspot)
    answer = iframe.open(url)

    assert answer.headers["location"] == query_of(url)["returnUrl"]
    assert team.account()["binding"] == "bound"
    assert linked_to(team, "customer-1") == [ACME]
    assert iframe.open(url).headers["location"] == query_of(url)["returnUrl"]


def test_arrival_finalize_with_another_browsers_cookie_is_refused(team: TwinProcess, browsers: Browsers) -> None:
    person, other = browsers(), browsers()
    return_url = query_of(marketplace(team, "sign-in"))["returnUrl"]
    url = finalize(team, sign_in(team, person, "customer-1", return_url))
    cookie = next(iter(person.session.cookies))
    other.session.cookies.set(cookie.name, "another browser's secret")

    assert refusal_of(other.open(url)) == "browser_mismatch"
    assert team.account() == {}


def test_arrival_authorize_without_a_sign_in_page_ends_unbound(twin: TwinProcess, shared_browsers: Browsers) -> None:
    person, iframe = shared_browsers(), shared_browsers()
    at_hubspot = person.open(marketplace(twin, "sign-in", BEISPIEL)).headers["location"]

    answer = iframe.open(finalize(twin, at_hubspot, BEISPIEL))

    assert answer.headers["location"].startswith(f"{twin.hubspot_url}/marketplace/finished/")
    assert twin.account(BEISPIEL)["binding"] == "unbound"


def test_arrival_code_alone_starts_a_fresh_flow_and_is_not_exchanged(team: TwinProcess, browsers: Browsers) -> None:
    before = team.token_calls("authorization_code")

    answer = browsers().open(marketplace(team, "sample"))

    assert (answer.status_code, answer.headers["location"]) == (302, f"{team.url}/install")
    assert team.token_calls("authorization_code") == before
    assert team.account() == {}


def test_arrival_with_nothing_says_where_to_start(team: TwinProcess, browsers: Browsers) -> None:
    page = browsers().open(f"{team.url}/oauth-callback")

    assert (page.status_code, button_target(page.text)) == (200, f"{team.url}/install")


def test_an_unbound_account_is_claimed_by_a_link_for_it(team: TwinProcess, browsers: Browsers) -> None:
    visitor = browsers()
    visitor.open(marketplace(team, "seamless"))
    assert linked_to(team, "customer-1") == []

    visitor.install_by(install_link(team, client_reference_id="customer-1", hub_id=ACME))

    assert linked_to(team, "customer-1") == [ACME]
    assert team.account()["binding"] == "bound"


def test_rotating_the_state_key_fails_no_install_and_no_link(team: TwinProcess, browsers: Browsers) -> None:
    before, later, after = browsers(), browsers(), browsers()
    url = before.callback_url()
    given_out = install_link(team, client_reference_id="customer-1")

    team.aws("secretsmanager").put_secret_value(SecretId=state_key_id(team), SecretString="rotated" * 8)

    assert "You are connected" in before.open(url).text
    assert "You are connected" in later.install_by(given_out).text
    assert "You are connected" in after.install().text
    time.sleep(REREAD_SECONDS)  # the functions reread the keys no sooner; the tests below need the new one


@pytest.mark.parametrize("metric_name", ["InstallsStarted", "InstallsReturned"])
def test_the_alarm_on_installs_without_a_return_reads_what_the_functions_write(
    team: TwinProcess, browsers: Browsers, metric_name: str
) -> None:
    browsers().install()

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
    lines = twin.log().splitlines()
    return [json.loads(line[line.index("{") :]) for line in lines if '"_aws"' in line and f'"{metric}"' in line]


def test_the_arrivals_left_no_code_token_cookie_or_state_in_the_logs(
    team_leaks: Callable[[int], list[str]], twin: TwinProcess, shared_browsers: Browsers
) -> None:
    assert team_leaks(10) == []
    assert leaks_in_logs(twin, shared_browsers) == []
