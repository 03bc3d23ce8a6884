"""What the team sees of installs: counts, evidence in the log, and which scopes an account lacks."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from hubspot_oauth.adapters.api_gateway import Response
from hubspot_oauth.domain.tokens import Tokens
from simulator import Running
from tests.support.browser_reading import query_of
from tests.support.lambda_events import signed_event
from tests.support.product_visitor import ProductVisitor, location
from tests.support.stack import Stack

MakeStack = Callable[..., Stack]
RETURN_URL = "https://app.hubspot.com/marketplace/continue"


def evidence(stack: Stack, name: str) -> dict[str, object]:
    """What the last report of this name said."""
    return [said for reported, _, said in stack.reports.entries if reported == name][-1]


def shown(stack: Stack, hub_id: int = 100001) -> dict[str, Any]:
    """The account as the API shows it."""
    return content_of(ask_for(stack, hub_id))


def listed(stack: Stack) -> list[dict[str, Any]]:
    """The accounts as the API lists them."""
    accounts: list[dict[str, Any]] = content_of(ask_for_page(stack))["accounts"]
    return accounts


def ask_for(stack: Stack, hub_id: int) -> Response:
    """``GET /accounts/{hub_id}``."""
    return stack.accounts_route.answer(signed_event("GET /accounts/{hub_id}", hub_id))


def ask_for_page(stack: Stack, **query: str) -> Response:
    """``GET /accounts``."""
    return stack.accounts_route.answer({**signed_event("GET /accounts"), "rawQueryString": urlencode(query)})


def content_of(answer: Response) -> dict[str, Any]:
    assert answer["statusCode"] == 200, answer
    content: dict[str, Any] = json.loads(answer["body"])
    return content


def declare(hubspot: Running, *required: str, optional: Sequence[str] = ("tickets",)) -> None:
    """Change the scopes of the app at HubSpot."""
    hubspot.simulator.settings = replace(
        hubspot.simulator.settings, required_scopes=required, optional_scopes=tuple(optional)
    )


def test_a_first_install_is_no_reinstall_and_changes_no_scopes(visitor: ProductVisitor) -> None:
    visitor.walk()

    said = evidence(visitor.stack, "InstallsCompleted")
    assert (said["hub_id"], said["binding"], said["reinstall"]) == (100001, "bound", False)
    assert said["scopes_added"] == said["scopes_removed"] == said["optional_dropped"] == []


def test_a_reinstall_that_changes_scopes_says_which(
    visitor: ProductVisitor, hubspot: Running, make_stack: MakeStack
) -> None:
    visitor.walk()
    declare(hubspot, "oauth", "crm.objects.deals.read")
    changed = make_stack(REQUIRED_SCOPES="oauth crm.objects.deals.read")

    ProductVisitor(changed, hubspot.simulator).walk()

    said = evidence(changed, "InstallsCompleted")
    assert said["reinstall"] is True
    assert said["scopes_added"] == ["crm.objects.deals.read"]
    assert said["scopes_removed"] == ["crm.objects.contacts.read"]


def test_an_optional_scope_that_an_account_has_no_access_to_is_said_to_be_dropped(
    hubspot: Running, make_stack: MakeStack
) -> None:
    declare(hubspot, "oauth", "crm.objects.contacts.read", optional=["tickets", "crm.schemas.custom.read"])
    visitor = ProductVisitor(make_stack(OPTIONAL_SCOPES="tickets crm.schemas.custom.read"), hubspot.simulator)

    visitor.walk(100003)  # the free account

    assert evidence(visitor.stack, "InstallsCompleted")["optional_dropped"] == ["crm.schemas.custom.read"]
    account = visitor.stack.stored(100003)
    assert account.scopes == ("oauth", "crm.objects.contacts.read", "tickets")


def test_a_scope_required_later_shows_as_missing_until_the_account_is_installed_again(
    visitor: ProductVisitor, hubspot: Running, make_stack: MakeStack
) -> None:
    visitor.walk()
    assert shown(visitor.stack)["missing_scopes"] == []

    declare(hubspot, "oauth", "crm.objects.contacts.read", "crm.objects.deals.read")
    later = make_stack(REQUIRED_SCOPES="oauth crm.objects.contacts.read crm.objects.deals.read")
    assert shown(later)["missing_scopes"] == ["crm.objects.deals.read"]

    person = ProductVisitor(later, hubspot.simulator)
    person.open(person.consent(location(person.install(hub_id="100001"))))
    assert shown(later)["missing_scopes"] == []


def test_a_wanted_conditional_scope_is_asked_for_and_missed_like_a_required_one(
    visitor: ProductVisitor, make_stack: MakeStack, hubspot: Running
) -> None:
    visitor.walk()
    wanting = make_stack(CONDITIONAL_SCOPES="automation")

    asked = query_of(location(ProductVisitor(wanting, hubspot.simulator).install()))

    assert asked["scope"] == "oauth crm.objects.contacts.read automation"
    assert shown(wanting)["missing_scopes"] == ["automation"]


def test_a_browser_that_comes_back_from_our_link_is_counted_whatever_it_brings(visitor: ProductVisitor) -> None:
    visitor.walk()
    visitor.open(visitor.consent(location(visitor.install()), allowed=False))

    assert visitor.stack.reports.total("InstallsReturned") == 2


@pytest.mark.parametrize(
    "query",
    [
        "",
        "code=x",
        "code=x&state=forged",
        f"code=x&returnUrl={quote(RETURN_URL)}",
        "state=forged",
        "step=x",
        "error=access_denied",
        "error=access_denied&state=forged",
    ],
)
def test_a_callback_that_did_not_start_from_our_link_does_not_count_as_a_return(
    visitor: ProductVisitor, query: str
) -> None:
    visitor.open(f"/oauth-callback?{query}")

    assert visitor.stack.reports.total("InstallsReturned") == 0


@pytest.mark.parametrize(
    ("error", "logged"), [("server_error", "server_error"), ("<script>", ""), ("x" * 65, ""), ("a b", ""), ("é", "")]
)
def test_hubspots_error_code_is_in_the_log_and_a_strangers_text_is_not(
    visitor: ProductVisitor, error: str, logged: str
) -> None:
    visitor.open(f"/oauth-callback?error={quote(error)}&error_description=a-strangers-text")

    assert evidence(visitor.stack, "InstallsRefused") == {"code": "hubspot_refused", "detail": logged}


def test_the_accounts_are_listed_with_the_scopes_that_each_really_lacks(stack: Stack) -> None:
    tokens = Tokens("access", "refresh")
    stack.store(1, tokens, scopes=("oauth", "tickets"))
    stack.store(2, tokens, scopes=("oauth", "crm.objects.contacts.read"))
    stack.store(3, tokens, scopes=("crm.objects.contacts.read", "tickets"))  # HubSpot may leave out oauth

    missing = {account["hub_id"]: account["missing_scopes"] for account in listed(stack)}

    assert missing == {1: ["crm.objects.contacts.read"], 2: [], 3: []}
    assert all(shown(stack, hub_id)["missing_scopes"] == lacks for hub_id, lacks in missing.items())


def test_an_account_that_is_not_installed_is_a_problem_and_not_an_empty_answer(stack: Stack) -> None:
    answer = ask_for(stack, 404)

    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["code"], problem["hub_id"]) == (404, "account_not_found", 404)
    assert listed(stack) == []


@pytest.mark.parametrize("question", [{}, {"status": "active"}, {"client_reference_id": "customer-1"}])
def test_page_after_page_shows_every_account_once(stack: Stack, question: dict[str, str]) -> None:
    for hub_id in range(1, 6):
        stack.store(hub_id, Tokens("access", "refresh"), client_reference_id="customer-1")

    pages = [content_of(ask_for_page(stack, limit="2", **question))]
    while pages[-1]["next_cursor"]:
        pages.append(content_of(ask_for_page(stack, limit="2", cursor=pages[-1]["next_cursor"], **question)))

    assert sorted(account["hub_id"] for page in pages for account in page["accounts"]) == [1, 2, 3, 4, 5]
    assert all(len(page["accounts"]) <= 2 for page in pages)


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "é",
        "x",
        encoded("not json"),
        encoded('["a list"]'),
        encoded("{}"),
        encoded('{"holder": null}'),
        encoded('{"hub_id": true, "holder": "account"}'),
        encoded('{"hub_id": 1' + "0" * 40 + ', "holder": "account"}'),
        encoded("[" * 6_000),
        encoded("[" * 100_000),
        encoded('{"holder": ' + "[" * 6_000 + "]" * 6_000 + "}"),
        encoded('{"hub_id": 1, "holder": "\\ud800"}'),
        encoded('{"hub_id": 1, "\\ud800": "account"}'),
    ],
    ids=range(13),
)
def test_a_cursor_that_is_none_of_ours_is_refused(stack: Stack, cursor: str) -> None:
    answer = ask_for_page(stack, cursor=cursor)

    refused = json.loads(answer["body"])
    assert (answer["statusCode"], refused["code"], refused["field"]) == (400, "invalid_request", "cursor")


@pytest.mark.parametrize("reference", ["x" * 257, "é" * 3_000])
def test_a_reference_that_no_install_link_takes_is_refused(stack: Stack, reference: str) -> None:
    answer = ask_for_page(stack, client_reference_id=reference)

    refused = json.loads(answer["body"])
    assert (answer["statusCode"], refused["code"], refused["field"]) == (400, "invalid_request", "client_reference_id")


@pytest.mark.parametrize("name", ["status", "client_reference_id", "failing", "cursor"])
def test_an_empty_filter_is_refused_and_lists_no_account(visitor: ProductVisitor, name: str) -> None:
    visitor.walk()

    answer = ask_for_page(visitor.stack, **{name: ""})

    refused = json.loads(answer["body"])
    assert (answer["statusCode"], refused["code"], refused["field"]) == (400, "invalid_request", name)
    assert "accounts" not in refused
