"""What the team sees of installs: counts, evidence in the log, and which scopes an account lacks."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import quote

import pytest

from hubspot_oauth.adapters.accounts_index import Listing
from hubspot_oauth.api.accounts import Directory
from hubspot_oauth.domain.errors import InvalidRequest
from simulator import Running
from tests.site import Visitor, location, parameters
from tests.stack import Stack

MakeStack = Callable[..., Stack]
RETURN_URL = "https://app.hubspot.com/marketplace/continue"


def evidence(stack: Stack, name: str) -> dict[str, object]:
    """What the last report of this name said."""
    return [said for reported, _, said in stack.reports.entries if reported == name][-1]


def shown(stack: Stack) -> dict[str, object]:
    """The account as the API shows it."""
    return directory(stack).one(100001)


def directory(stack: Stack) -> Directory:
    listing = Listing(stack.dynamodb, stack.settings.accounts_table)
    return Directory(stack.accounts, listing, stack.settings.missing_scopes)


def declare(hubspot: Running, *required: str, optional: Sequence[str] = ("tickets",)) -> None:
    """Change the scopes of the app at HubSpot."""
    hubspot.simulator.settings = replace(
        hubspot.simulator.settings, required_scopes=required, optional_scopes=tuple(optional)
    )


def test_a_first_install_is_no_reinstall_and_changes_no_scopes(visitor: Visitor) -> None:
    visitor.walk()

    said = evidence(visitor.stack, "InstallsCompleted")
    assert (said["hub_id"], said["binding"], said["reinstall"]) == (100001, "bound", False)
    assert said["scopes_added"] == said["scopes_removed"] == said["optional_dropped"] == []


def test_a_reinstall_that_changes_scopes_says_which(visitor: Visitor, hubspot: Running, make_stack: MakeStack) -> None:
    visitor.walk()
    declare(hubspot, "oauth", "crm.objects.deals.read")
    changed = make_stack(REQUIRED_SCOPES="oauth crm.objects.deals.read")

    Visitor(changed, hubspot.simulator).walk()

    said = evidence(changed, "InstallsCompleted")
    assert said["reinstall"] is True
    assert said["scopes_added"] == ["crm.objects.deals.read"]
    assert said["scopes_removed"] == ["crm.objects.contacts.read"]


def test_an_optional_scope_that_an_account_has_no_access_to_is_said_to_be_dropped(
    hubspot: Running, make_stack: MakeStack
) -> None:
    declare(hubspot, "oauth", "crm.objects.contacts.read", optional=["tickets", "crm.schemas.custom.read"])
    visitor = Visitor(make_stack(OPTIONAL_SCOPES="tickets crm.schemas.custom.read"), hubspot.simulator)

    visitor.walk(100003)  # the free account

    assert evidence(visitor.stack, "InstallsCompleted")["optional_dropped"] == ["crm.schemas.custom.read"]
    account = visitor.stack.accounts.get(100003)
    assert account
    assert account.scopes == ("oauth", "crm.objects.contacts.read", "tickets")


def test_a_scope_required_later_shows_as_missing_until_the_account_is_installed_again(
    visitor: Visitor, hubspot: Running, make_stack: MakeStack
) -> None:
    visitor.walk()
    assert shown(visitor.stack)["missing_scopes"] == []

    declare(hubspot, "oauth", "crm.objects.contacts.read", "crm.objects.deals.read")
    later = make_stack(REQUIRED_SCOPES="oauth crm.objects.contacts.read crm.objects.deals.read")
    assert shown(later)["missing_scopes"] == ["crm.objects.deals.read"]

    person = Visitor(later, hubspot.simulator)
    person.open(person.consent(location(person.install(hub_id="100001"))))
    assert shown(later)["missing_scopes"] == []


def test_a_wanted_conditional_scope_is_asked_for_and_missed_like_a_required_one(
    visitor: Visitor, make_stack: MakeStack, hubspot: Running
) -> None:
    visitor.walk()
    wanting = make_stack(CONDITIONAL_SCOPES="automation")

    asked = parameters(location(Visitor(wanting, hubspot.simulator).install()))

    assert asked["scope"] == "oauth crm.objects.contacts.read automation"
    assert shown(wanting)["missing_scopes"] == ["automation"]


def test_a_browser_that_comes_back_from_our_link_is_counted_whatever_it_brings(visitor: Visitor) -> None:
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
def test_what_did_not_start_from_our_link_does_not_hide_that_nobody_comes_back_from_it(
    visitor: Visitor, query: str
) -> None:
    visitor.open(f"/oauth-callback?{query}")

    assert visitor.stack.reports.total("InstallsReturned") == 0


@pytest.mark.parametrize(
    ("error", "logged"), [("server_error", "server_error"), ("<script>", ""), ("x" * 65, ""), ("a b", ""), ("é", "")]
)
def test_hubspots_error_code_is_in_the_log_and_a_strangers_text_is_not(
    visitor: Visitor, error: str, logged: str
) -> None:
    visitor.open(f"/oauth-callback?error={quote(error)}&error_description=a-strangers-text")

    assert evidence(visitor.stack, "InstallsRefused") == {"code": "hubspot_refused", "detail": logged}


@pytest.mark.parametrize("name", ["status", "client_reference_id", "cursor"])
def test_an_empty_filter_is_refused_and_lists_nobody(visitor: Visitor, name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        directory(visitor.stack).page({name: ""})

    assert refused.value.members == {"field": name}
