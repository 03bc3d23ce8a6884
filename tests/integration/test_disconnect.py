"""Disconnecting an account: at HubSpot, in the table, and against what else is under way at that moment."""

import pytest
from botocore.stub import Stubber

from hubspot_oauth.api.disconnect import asks_to_uninstall
from hubspot_oauth.domain import call_timeouts
from hubspot_oauth.domain.account import Failure, GrantKey, Status
from hubspot_oauth.domain.api_errors import AccountNotFound, AppRefused, InvalidRequest, VaultUnavailable
from simulator import Running
from simulator.faults import parse_fault
from tests.support.product_visitor import ProductVisitor
from tests.support.simulated_hubspot import has_live_grant
from tests.support.stack import Clock, Stack, renewal_of

HUB_ID = 100001


def test_a_disconnected_account_is_revoked_and_forgotten(installed: Stack, hubspot: Running) -> None:
    done = installed.disconnect_route.disconnect(HUB_ID, uninstall=False)

    assert done.body() == {"hub_id": HUB_ID, "revoked": True, "forgotten": True}
    assert not has_live_grant(hubspot.simulator, HUB_ID)
    assert installed.account(HUB_ID) is None
    with pytest.raises(AccountNotFound):
        installed.token(HUB_ID)


def test_an_account_is_uninstalled_when_that_is_asked_for(installed: Stack, hubspot: Running) -> None:
    done = installed.disconnect_route.disconnect(HUB_ID, uninstall=True)

    assert done.body() == {"hub_id": HUB_ID, "uninstalled": True, "revoked": True, "forgotten": True}
    assert not has_live_grant(hubspot.simulator, HUB_ID)


def test_an_expired_token_is_renewed_for_the_uninstall(installed: Stack, clock: Clock, hubspot: Running) -> None:
    hubspot.simulator.change(rotate_refresh_tokens=True)
    clock.forward(1900)

    done = installed.disconnect_route.disconnect(HUB_ID, uninstall=True)

    assert (done.uninstalled, done.revoked, done.forgotten) == (True, True, True)
    assert not has_live_grant(hubspot.simulator, HUB_ID)


def test_tokens_of_another_account_are_never_used_to_leave_one(
    installed: Stack, clock: Clock, hubspot: Running
) -> None:
    clock.forward(1900)
    fault = {"kind": "with", "fields": {"hub_id": 100002}, "grant_type": "refresh_token"}
    hubspot.simulator.faults.add(parse_fault(fault))

    done = installed.disconnect_route.disconnect(HUB_ID, uninstall=True)

    assert (done.uninstalled, done.revoked, done.forgotten) == (False, True, True)


def test_hubspot_being_down_does_not_hold_it_up(installed: Stack, hubspot: Running) -> None:
    hubspot.simulator.faults.add(parse_fault({"kind": "status", "status": 503, "endpoint": "revoke"}))
    hubspot.simulator.faults.add(parse_fault({"kind": "status", "status": 503, "endpoint": "uninstall"}))

    done = installed.disconnect_route.disconnect(HUB_ID, uninstall=True)

    assert (done.uninstalled, done.revoked, done.forgotten) == (False, False, True)
    assert installed.account(HUB_ID) is None


def test_tokens_that_do_not_open_do_not_hold_it_up(installed: Stack, clock: Clock) -> None:
    clock.forward(2 * 3600)  # the opened data keys are too old
    with Stubber(installed.kms) as kms:
        kms.add_client_error("decrypt", "InvalidCiphertextException")
        done = installed.disconnect_route.disconnect(HUB_ID, uninstall=False)

    assert (done.revoked, done.forgotten) == (False, True)


def test_while_kms_does_not_answer_the_row_stays_and_the_call_is_made_again(
    installed: Stack, clock: Clock, hubspot: Running
) -> None:
    clock.forward(2 * 3600)
    with Stubber(installed.kms) as kms:
        kms.add_client_error("decrypt", "ThrottlingException")
        with pytest.raises(VaultUnavailable):
            installed.disconnect_route.disconnect(HUB_ID, uninstall=False)

    assert installed.disconnect_route.disconnect(HUB_ID, uninstall=False).body() == {
        "hub_id": HUB_ID,
        "revoked": True,
        "forgotten": True,
    }
    assert not has_live_grant(hubspot.simulator, HUB_ID)


def test_a_wrong_client_secret_forgets_no_account(installed: Stack, hubspot: Running) -> None:
    fault = hubspot.simulator.faults.add(
        parse_fault({"kind": "error", "error": "BAD_CLIENT_SECRET", "endpoint": "revoke"})
    )
    with pytest.raises(AppRefused):
        installed.disconnect_route.disconnect(HUB_ID, uninstall=False)

    account = installed.stored(HUB_ID)
    assert account.status is Status.DISCONNECTING
    hubspot.simulator.faults.clear(fault.number)
    assert installed.disconnect_route.disconnect(HUB_ID, uninstall=False).revoked


@pytest.mark.parametrize("age", [0, 1900], ids=["live", "expired"])
def test_a_client_secret_rotated_a_moment_ago_is_read_again(
    installed: Stack, clock: Clock, hubspot: Running, age: int
) -> None:
    clock.forward(age)
    installed.rotate_client_secret(hubspot.simulator)

    done = installed.disconnect_route.disconnect(HUB_ID, uninstall=True)

    endings = hubspot.simulator.journal.counters()["by_endpoint"].values()
    assert sum(counted["BAD_CLIENT_SECRET"] for counted in endings) == 1
    assert (done.uninstalled, done.revoked, done.forgotten) == (True, True, True)
    assert not has_live_grant(hubspot.simulator, HUB_ID)


def test_an_account_that_was_never_installed_is_not_found(connected: Stack) -> None:
    with pytest.raises(AccountNotFound):
        connected.disconnect_route.disconnect(404, uninstall=False)


def test_while_it_is_being_left_no_token_is_handed_out_and_nothing_is_due(installed: Stack, clock: Clock) -> None:
    installed.accounts.begin_disconnect(GrantKey.of_account(HUB_ID), int(clock()))
    clock.forward(1900)

    installed.tick()

    account = installed.stored(HUB_ID)
    assert (account.status, account.refresh_at) == (Status.DISCONNECTING, None)
    with pytest.raises(AccountNotFound):
        installed.token(HUB_ID)


def test_a_call_that_died_half_way_is_made_again(installed: Stack, clock: Clock) -> None:
    installed.accounts.begin_disconnect(GrantKey.of_account(HUB_ID), int(clock()))

    assert installed.disconnect_route.disconnect(HUB_ID, uninstall=False).forgotten


def test_a_refresh_under_way_does_not_bring_the_account_back(installed: Stack, clock: Clock) -> None:
    clock.forward(1500)
    leased = installed.accounts.lease_due(GrantKey.of_account(HUB_ID), "me", int(clock()))
    assert leased
    leaving = installed.accounts.begin_disconnect(GrantKey.of_account(HUB_ID), int(clock()))
    assert leaving

    assert not installed.accounts.commit(renewal_of(leased, sealed=b"late"))
    assert not installed.accounts.mark_dead(leased, Failure(int(clock()), "BAD_REFRESH_TOKEN"), None)
    assert not installed.accounts.try_later(leased, int(clock()), Failure(int(clock()), "timeout"))
    assert installed.accounts.forget(leaving)

    assert not installed.accounts.commit(renewal_of(leased, sealed=b"late"))  # a rescue that comes late
    assert installed.account(HUB_ID) is None


def test_an_install_in_between_wins_and_is_reported(
    installed: Stack, visitor: ProductVisitor, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = installed.hubspot.revoke

    def revoke_while_a_person_installs(refresh_token: str) -> None:
        real(refresh_token)
        clock.forward(1)
        visitor.walk(HUB_ID)

    monkeypatch.setattr(installed.hubspot, "revoke", revoke_while_a_person_installs)

    done = installed.disconnect_route.disconnect(HUB_ID, uninstall=False)

    assert (done.revoked, done.forgotten) == (True, False)
    assert installed.token(HUB_ID).token


def test_a_delete_whose_answer_was_lost_and_retried_still_counts(installed: Stack, clock: Clock) -> None:
    leaving = installed.accounts.begin_disconnect(GrantKey.of_account(HUB_ID), int(clock()))
    assert leaving

    assert installed.accounts.forget(leaving)
    assert installed.accounts.forget(leaving)


def test_leaving_an_account_ends_its_lease(installed: Stack, clock: Clock) -> None:
    clock.forward(1500)
    installed.accounts.lease_due(GrantKey.of_account(HUB_ID), "me", int(clock()))

    leaving = installed.accounts.begin_disconnect(GrantKey.of_account(HUB_ID), int(clock()))

    assert leaving
    assert (leaving.lease_owner, leaving.attempts, leaving.version) == (None, 0, 2)
    clock.forward(call_timeouts.LEASE_SECONDS)
    assert installed.accounts.lease_due(GrantKey.of_account(HUB_ID), "you", int(clock())) is None


@pytest.mark.parametrize(
    ("query", "asked"), [({}, False), ({"uninstall": "false"}, False), ({"uninstall": "true"}, True)]
)
def test_uninstall_is_asked_for_by_name(query: dict[str, str], asked: bool) -> None:
    assert asks_to_uninstall(query) is asked


@pytest.mark.parametrize("value", ["", "1", "yes", "TRUE"])
def test_any_other_value_of_uninstall_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest):
        asks_to_uninstall({"uninstall": value})
