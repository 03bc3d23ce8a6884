"""HubSpot gives tokens, but leaves out or distorts other fields: what an install and a refresh make of that."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from hubspot_oauth.domain.api_errors import HubSpotUnavailable
from hubspot_oauth.domain.refresh_timing import CAUTIOUS_LIFETIME_SECONDS
from simulator import Running, Simulator
from simulator.faults import parse_fault
from tests.support.product_visitor import ProductVisitor, refusal_of
from tests.support.simulated_hubspot import fail_refreshes, has_live_grant
from tests.support.stack import Clock, Stack

HUB_ID = 100001


def distort(simulator: Simulator, endpoint: str = "token", *, without: list[str] | None = None, **fields: Any) -> None:
    """Every answer of this endpoint comes without these fields, or with these values."""
    fault = {"kind": "without", "fields": without} if without else {"kind": "with", "fields": fields}
    simulator.faults.add(parse_fault({"endpoint": endpoint, **fault}))


def no_introspection(simulator: Simulator) -> None:
    simulator.faults.add(parse_fault({"endpoint": "introspect", "kind": "status", "status": 503}))


@pytest.mark.parametrize("left_out", ["hub_id", "scopes", "expires_in", "user_id", "token_type", "token_use"])
def test_an_install_gets_from_introspection_what_the_answer_leaves_out(
    visitor: ProductVisitor, hubspot: Running, left_out: str
) -> None:
    url = visitor.callback_url()
    distort(hubspot.simulator, without=[left_out])

    visitor.open(url)

    stored = visitor.stack.stored(HUB_ID)
    assert set(stored.scopes) >= set(visitor.stack.settings.required_scopes)
    assert stored.lifetime == pytest.approx(1800, abs=2)


@pytest.mark.parametrize(
    "fields",
    [
        {"expires_in": "1800", "hub_id": "100001", "scopes": "oauth crm.objects.contacts.read"},
        {
            "expires_in": 1800.5,
            "hub_id": 100001.0,
            "scopes": ["oauth", 7, "crm.objects.contacts.read", "a\nb", "\ud800"],
        },
    ],
)
def test_fields_of_another_type_that_can_be_read_are_read(
    visitor: ProductVisitor, hubspot: Running, fields: dict[str, Any]
) -> None:
    url = visitor.callback_url()
    distort(hubspot.simulator, **fields)
    no_introspection(hubspot.simulator)

    visitor.open(url)

    stored = visitor.stack.stored(HUB_ID)
    assert (stored.lifetime, stored.scopes) == (1800, ("oauth", "crm.objects.contacts.read"))


def test_a_first_token_whose_lifetime_nobody_says_is_soon_refreshed(visitor: ProductVisitor, hubspot: Running) -> None:
    url = visitor.callback_url()
    distort(hubspot.simulator, without=["expires_in"])
    no_introspection(hubspot.simulator)

    visitor.open(url)

    assert visitor.stack.stored(HUB_ID).lifetime == CAUTIOUS_LIFETIME_SECONDS


@pytest.mark.parametrize("left_out", ["hub_id", "scopes", "access_token"])
def test_a_grant_of_which_too_little_is_known_is_revoked(
    visitor: ProductVisitor, hubspot: Running, left_out: str
) -> None:
    url = visitor.callback_url()
    distort(hubspot.simulator, without=[left_out])
    no_introspection(hubspot.simulator)

    pages = [visitor.open(url) for _ in range(2)]

    assert [refusal_of(page) for page in pages] == ["hubspot_unavailable"] * 2
    assert visitor.stack.account(HUB_ID) is None
    assert not has_live_grant(hubspot.simulator, HUB_ID)


@pytest.mark.parametrize("left_out", ["scopes", "access_token"])
def test_a_grant_of_a_stored_account_is_not_revoked(visitor: ProductVisitor, hubspot: Running, left_out: str) -> None:
    visitor.walk()
    working = visitor.stack.stored(HUB_ID)
    url = visitor.callback_url()
    distort(hubspot.simulator, without=[left_out])
    no_introspection(hubspot.simulator)

    assert refusal_of(visitor.open(url)) == "hubspot_unavailable"
    assert visitor.stack.stored(HUB_ID) == working
    assert has_live_grant(hubspot.simulator, HUB_ID)


def test_introspection_says_whether_a_refresh_token_alone_is_of_a_stored_account(
    visitor: ProductVisitor, hubspot: Running
) -> None:
    visitor.walk()
    url = visitor.callback_url()
    distort(hubspot.simulator, without=["access_token", "hub_id"])

    assert refusal_of(visitor.open(url)) == "hubspot_unavailable"
    assert has_live_grant(hubspot.simulator, HUB_ID)


def test_an_unwanted_grant_is_not_revoked_while_dynamodb_cannot_say_whether_it_is_stored(
    visitor: ProductVisitor, hubspot: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = visitor.callback_url()
    distort(hubspot.simulator, without=["access_token"])

    def busy(_key: object) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "GetItem")

    monkeypatch.setattr(visitor.stack.accounts, "get", busy)

    assert refusal_of(visitor.open(url)) == "hubspot_unavailable"
    assert has_live_grant(hubspot.simulator, HUB_ID)


@pytest.mark.parametrize("expires_in", [None, "soon", -1, True])
def test_a_refresh_without_a_lifetime_keeps_the_last_one(
    overdue: Stack, hubspot: Running, clock: Clock, expires_in: object
) -> None:
    fail_refreshes(hubspot.simulator, kind="with", fields={"expires_in": expires_in})

    overdue.tick()

    stored = overdue.stored(HUB_ID)
    assert (stored.version, stored.issued_at, stored.lifetime) == (2, int(clock()), 1800)
    assert overdue.token(HUB_ID).token == overdue.vault.unseal(stored).access_token


@pytest.mark.parametrize("token", ["a\nb", "\ud800", ""])
def test_a_malformed_access_token_is_neither_stored_nor_handed_out(
    expired: Stack, hubspot: Running, token: str
) -> None:
    fail_refreshes(hubspot.simulator, kind="with", fields={"access_token": token})

    with pytest.raises(HubSpotUnavailable):
        expired.token(HUB_ID)

    assert expired.stored(HUB_ID).version == 1


@pytest.mark.parametrize("hub_id", ["100002", 100002.0])
def test_an_answer_for_another_account_is_not_stored_whatever_its_type(
    overdue: Stack, hubspot: Running, hub_id: object
) -> None:
    fail_refreshes(hubspot.simulator, kind="with", fields={"hub_id": hub_id})

    overdue.tick()

    assert overdue.stored(HUB_ID).version == 1
