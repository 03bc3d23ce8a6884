"""The token route's parameters and its JSON, scopes above all."""

import json
from typing import Any

import pytest

from hubspot_oauth.domain.tokens import Tokens
from tests.support.lambda_events import token_event
from tests.support.stack import SCOPES, Stack, a_minute

HUB_ID = 100001
CONTACTS = "crm.objects.contacts.read"


@pytest.fixture
def all_granted(stack: Stack) -> Stack:
    return granted(stack, *SCOPES)


def granted(stack: Stack, *scopes: str) -> Stack:
    """The product with one account, which has granted these scopes."""
    stack.store(HUB_ID, Tokens("access", "refresh"), scopes=scopes)
    return stack


def ask(stack: Stack, hub_id: int = HUB_ID, **query: str) -> tuple[int, dict[str, Any]]:
    answer = stack.token_route.answer(token_event(hub_id, **query), a_minute)
    return answer["statusCode"], json.loads(answer["body"])


def test_a_token_comes_with_its_scopes_and_those_it_lacks(stack: Stack) -> None:
    status, said = ask(granted(stack, "oauth"))

    assert status == 200
    assert (said["scopes"], said["missing_scopes"]) == (["oauth"], [CONTACTS])


def test_a_token_that_lacks_nothing_says_so(all_granted: Stack) -> None:
    assert ask(all_granted)[1]["missing_scopes"] == []


@pytest.mark.parametrize("scopes", ["oauth", CONTACTS, f"{CONTACTS} tickets", f"tickets oauth {CONTACTS}"])
def test_a_token_that_has_the_wanted_scopes_is_handed_out(all_granted: Stack, scopes: str) -> None:
    status, said = ask(all_granted, scopes=scopes)

    assert (status, said["scopes"]) == (200, list(SCOPES))


def test_oauth_is_never_missing_because_hubspot_may_not_list_it(stack: Stack) -> None:
    assert ask(granted(stack, CONTACTS), scopes="oauth")[0] == 200


@pytest.mark.parametrize("wanted", [CONTACTS, "tickets"], ids=["a required scope", "an optional scope"])
def test_a_scope_that_was_not_granted_is_a_409_with_the_link_that_asks_for_it(stack: Stack, wanted: str) -> None:
    status, said = ask(granted(stack, "oauth"), scopes=f"oauth {wanted}")

    assert (status, said["code"], said["missing_scopes"], said["hub_id"]) == (409, "scopes_missing", [wanted], HUB_ID)
    assert said["install_url"] == f"http://localhost:3000/install?hub_id={HUB_ID}"
    assert "access_token" not in said


def test_a_scope_that_no_install_asks_for_is_the_callers_mistake(stack: Stack) -> None:
    status, said = ask(granted(stack, "oauth"), scopes=f"{CONTACTS} crm.objects.contact.read")

    assert (status, said["code"], said["field"]) == (400, "invalid_request", "scopes")
    assert "crm.objects.contact.read" in said["detail"]
    assert "install_url" not in said


def test_a_granted_scope_that_no_install_asks_for_any_more_is_still_granted(stack: Stack) -> None:
    assert ask(granted(stack, "oauth", "content"), scopes="content")[0] == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scopes", ""),
        ("scopes", " oauth"),
        ("scopes", "oauth  tickets"),
        ("scopes", "oauth,tickets"),
        ("scopes", "oauth\ntickets"),
        ("scopes", "tïckets"),
        ("min_ttl", "-1"),
        ("min_ttl", "1.5"),
        ("min_ttl", ""),
        ("rejected", "short"),
        ("rejected", "0F3A0F3A0F3A0F3A"),
    ],
)
def test_a_malformed_parameter_is_named(all_granted: Stack, name: str, value: str) -> None:
    status, said = ask(all_granted, HUB_ID, **{name: value})

    assert (status, said["code"], said["field"]) == (400, "invalid_request", name)


def test_an_unknown_account_is_not_found_whatever_scopes_are_wanted(all_granted: Stack) -> None:
    assert ask(all_granted, 404, scopes="no.such.scope")[1]["code"] == "account_not_found"
