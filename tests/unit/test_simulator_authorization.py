"""What HubSpot's own page refuses, and what it grants."""

from contextlib import nullcontext
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from simulator import Simulator, SimulatorSettings
from simulator.authorization import AuthorizationRequest, Refused, allow, answer_url, with_query

REDIRECT = "http://localhost:3000/oauth-callback"
SETTINGS = SimulatorSettings(
    redirect_urls=(REDIRECT, "https://app.example.com/oauth-callback", "https://192.0.2.1/oauth-callback"),
    required_scopes=("oauth", "contacts"),
    conditional_scopes=("content",),
    optional_scopes=("deals", "automation"),
)


def request(**changes) -> AuthorizationRequest:
    fields = {
        "client_id": SETTINGS.client_id,
        "redirect_uri": REDIRECT,
        "scopes": ("oauth", "contacts"),
        "optional_scopes": ("deals",),
    }
    return AuthorizationRequest(**(fields | changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"client_id": "somebody-else"}, "unknown_client"),
        ({"client_id": next(iter(SETTINGS.other_apps))}, "unknown_client"),
        ({"redirect_uri": ""}, "redirect_not_registered"),
        ({"redirect_uri": REDIRECT + "/"}, "redirect_not_registered"),
        ({"redirect_uri": "https://192.0.2.1/oauth-callback"}, "redirect_not_acceptable"),
        ({"scopes": ()}, "insufficient_scopes"),
        ({"scopes": ("oauth",)}, "insufficient_scopes"),
        ({"scopes": ("contacts",)}, "insufficient_scopes"),
        ({"scopes": ("oauth",), "optional_scopes": ("contacts",)}, "insufficient_scopes"),
        ({"scopes": ("oauth", "contacts", "undeclared")}, "scope_mismatch"),
        ({"scopes": ("oauth", "contacts", "deals")}, "scope_mismatch"),
        ({"optional_scopes": ("undeclared",)}, "scope_mismatch"),
        ({"optional_scopes": ("content",)}, "scope_mismatch"),
    ],
)
def test_a_request_no_account_could_grant_is_refused(changes, reason) -> None:
    with pytest.raises(Refused) as refusal:
        request(**changes).check(SETTINGS)

    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("hub_id", "user_id", "changes", "reason"),
    [
        (999, 9001, {}, "unknown_account"),
        (100003, 9001, {"scopes": ("oauth", "contacts", "content")}, "account_lacks_scope"),
        (100001, 9003, {}, "installer_lacks_rights"),
        (100001, 999, {}, "installer_lacks_rights"),
    ],
)
def test_an_account_or_person_that_may_not_grant_it_is_refused(hub_id, user_id, changes, reason) -> None:
    with pytest.raises(Refused) as refusal:
        allow(Simulator(SETTINGS), request(**changes), hub_id, user_id)

    assert refusal.value.reason == reason


def test_app_marketplace_access_is_enough_to_install() -> None:
    assert allow(Simulator(SETTINGS), request(), 100001, 9002)


def test_optional_scopes_the_account_lacks_are_dropped_silently() -> None:
    simulator = Simulator(SETTINGS)

    code = simulator.codes.find(allow(simulator, request(optional_scopes=("deals", "automation")), 100003, 9001))

    assert code is not None
    assert code.scopes == ("oauth", "contacts", "deals")


def test_a_code_carries_the_hublet_of_its_account() -> None:
    simulator = Simulator(SETTINGS)

    codes = [allow(simulator, request(), hub_id, 9001) for hub_id in (100001, 100002, 100004, 100005, 100006)]

    assert [code[:4] for code in codes] == ["na1-", "eu1-", "na2-", "na3-", "ap1-"]


@pytest.mark.parametrize(
    ("required", "scopes", "refusal"),
    [
        (False, ("contacts",), None),
        (False, ("oauth", "contacts"), "scope_mismatch"),
        (True, ("contacts",), "insufficient_scopes"),
        (True, ("oauth", "contacts"), None),
    ],
)
def test_whether_an_undeclared_oauth_scope_is_required_is_a_switch(
    required: bool, scopes: tuple[str, ...], refusal: str | None
) -> None:
    settings = replace(SETTINGS, required_scopes=("contacts",), requires_oauth_scope=required)

    with nullcontext() if refusal is None else pytest.raises(Refused, match=refusal):
        request(scopes=scopes).check(settings)


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("state", ["a+b c%2F&=<é>/?#", ""])
def test_the_state_comes_back_verbatim(state, allowed) -> None:
    url = answer_url(Simulator(SETTINGS), request(state=state), 100001, 9001, allowed=allowed)

    assert parse_qs(urlsplit(url).query, keep_blank_values=True)["state"] == [state]


def test_no_state_comes_back_when_none_was_sent() -> None:
    assert "state" not in answer_url(Simulator(SETTINGS), request(), 100001, 9001, allowed=True)


def test_cancelling_sends_an_error_and_no_code() -> None:
    url = answer_url(Simulator(SETTINGS), request(state="s"), 100001, 9001, allowed=False)

    answer = parse_qs(urlsplit(url).query)
    assert answer["error"] == ["access_denied"]
    assert "error_description" in answer
    assert "code" not in answer


def test_a_request_survives_its_own_query_string() -> None:
    wanted = request(state="a b&c")

    assert AuthorizationRequest.parse(wanted.query()) == wanted


def test_a_redirect_keeps_the_query_it_already_had() -> None:
    assert with_query("https://a.example/x?y=1", {"code": "a b", "state": None}) == "https://a.example/x?y=1&code=a%20b"
