"""The breaker: what opens it, what closes it, and what a healthy fleet costs."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.stub import Stubber

from hubspot_oauth.domain.account import GrantKey
from hubspot_oauth.domain.tokens import Tokens
from hubspot_oauth.refresh.breaker import Breaker
from hubspot_oauth.refresh.breaker_state import SUSPICIOUS_GRANTS, UNLISTED_ACCOUNTS, BreakerState, Evidence
from tests.support.stack import Clock, Stack


@pytest.fixture
def breaker(stack: Stack) -> Breaker:
    return stack.breaker


def another_process(stack: Stack, clock: Clock) -> Stack:
    """One more process that shares the breaker's item."""
    return Stack(stack.environment, clock)


def refuse_client(breaker: Breaker, sent_at: float) -> BreakerState:
    """An account's refresh brought that HubSpot refuses the client."""
    return breaker.tell(Evidence.CLIENT, 1, int(sent_at))


def meet_unlisted(breaker: Breaker, hub_id: int, sent_at: float) -> bool:
    """An account met an unlisted answer; whether the breaker is open now."""
    return breaker.tell(Evidence.UNLISTED, hub_id, int(sent_at)).open is not None


def refuse_grant(breaker: Breaker, sent_at: float, evidence: Evidence = Evidence.FIRST_REFUSAL) -> BreakerState:
    """An account's grant is refused."""
    return breaker.tell(evidence, 1, int(sent_at))


def succeed(breaker: Breaker, sent_at: float, version: str = "v1") -> BreakerState:
    """An account is refreshed, and the breaker hears of it."""
    breaker.succeeded(int(sent_at), version)
    breaker.bring_in_successes()
    return breaker.state()


def test_a_refused_client_opens_it_at_once(breaker: Breaker, clock: Clock) -> None:
    standing = refuse_client(breaker, clock())

    assert standing.open
    assert breaker.state().open == "client"


def test_of_many_processes_that_are_refused_at_once_one_opens_it(stack: Stack, clock: Clock) -> None:
    processes = [another_process(stack, clock) for _ in range(16)]
    breakers = [process.breaker for process in processes]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda each: refuse_client(each, clock()), breakers))

    assert sum(process.reports.total("BreakerOpened") for process in processes) == 1


def test_unlisted_answers_open_it_only_when_five_accounts_met_one(breaker: Breaker, clock: Clock) -> None:
    opened = [meet_unlisted(breaker, hub_id, clock()) for hub_id in (1, 2, 3, 4, 1, 2, 5)]

    assert opened == [False] * 6 + [True]
    assert breaker.state().open == "unlisted"


def test_a_few_odd_accounts_in_a_healthy_fleet_do_not_open_it(breaker: Breaker, clock: Clock) -> None:
    for hub_id in range(3 * UNLISTED_ACCOUNTS):
        breaker.succeeded(int(clock()), "v1")
        assert not meet_unlisted(breaker, hub_id, clock())

    assert breaker.state().open is None


def test_no_number_of_refused_grants_opens_it(breaker: Breaker, clock: Clock) -> None:
    for _ in range(10 * SUSPICIOUS_GRANTS):
        refuse_grant(breaker, clock())

    assert breaker.state().open is None


def test_many_grants_refused_and_none_refreshed_are_suspicious(breaker: Breaker, clock: Clock) -> None:
    suspicious = [refuse_grant(breaker, clock()).suspicious for _ in range(SUSPICIOUS_GRANTS)]

    assert suspicious == [False] * (SUSPICIOUS_GRANTS - 1) + [True]


def test_a_grant_that_is_refused_again_and_again_counts_once(breaker: Breaker, clock: Clock) -> None:
    for _ in range(2 * SUSPICIOUS_GRANTS):
        refuse_grant(breaker, clock(), Evidence.REFUSAL)

    assert not breaker.state().suspicious


def test_a_success_ends_the_suspicion_and_has_the_marks_since_its_beginning_rechecked(
    breaker: Breaker, clock: Clock
) -> None:
    began = int(clock())
    for _ in range(SUSPICIOUS_GRANTS):
        refuse_grant(breaker, clock())
        clock.forward(1)

    state = succeed(breaker, clock())

    assert (state.suspicious, state.refused_since, state.recheck_since) == (False, None, began)


def test_a_recheck_that_waits_begins_at_the_first_of_two_runs(breaker: Breaker, clock: Clock) -> None:
    began = int(clock())
    for _ in range(2):
        refuse_grant(breaker, clock())
        clock.forward(10)
        succeed(breaker, clock())

    assert breaker.state().recheck_since == began


def test_a_success_sent_before_the_first_refusal_ends_no_suspicion(
    stack: Stack, breaker: Breaker, clock: Clock
) -> None:
    sent_at = clock()
    clock.forward(1)
    refuse_grant(breaker, clock())

    state = succeed(another_process(stack, clock).breaker, sent_at)

    assert (state.refused, state.recheck_since) == (1, None)


def test_a_success_in_the_second_of_the_first_refusal_ends_no_suspicion(breaker: Breaker, clock: Clock) -> None:
    refuse_grant(breaker, clock())

    assert succeed(breaker, clock()).refused == 1


def test_a_success_is_told_with_the_secret_that_it_was_sent_with(breaker: Breaker, clock: Clock) -> None:
    state = succeed(breaker, clock(), "v2")

    assert (state.proved_at, state.proved_with) == (int(clock()), "v2")


def test_a_process_brings_its_successes_in_before_it_tells_of_a_refusal(breaker: Breaker, clock: Clock) -> None:
    breaker.succeeded(int(clock()), "v1")

    state = refuse_grant(breaker, clock())

    assert (state.proved_at, state.proved_with) == (int(clock()), "v1")


def test_processes_tell_of_successes_for_ten_minutes_after_a_refusal(breaker: Breaker, clock: Clock) -> None:
    refuse_grant(breaker, clock())
    clock.forward(60)
    state = succeed(breaker, clock())

    assert state.wants_successes(clock() + 540)
    assert not state.wants_successes(clock() + 541)


def test_successes_cost_no_write_until_something_is_counted(stack: Stack, breaker: Breaker, clock: Clock) -> None:
    for _ in range(100):
        breaker.succeeded(int(clock()), "v1")
    assert "Item" not in stack.dynamodb.get_item(TableName=stack.settings.scratch_table, Key={"pk": {"S": "breaker"}})

    with Stubber(stack.dynamodb) as dynamodb:
        dynamodb.add_response("update_item", {})
        breaker.bring_in_successes()
        breaker.bring_in_successes()


def test_successes_that_dynamodb_does_not_take_are_brought_in_later(
    stack: Stack, breaker: Breaker, clock: Clock
) -> None:
    breaker.succeeded(int(clock()), "v1")
    with Stubber(stack.dynamodb) as dynamodb:
        dynamodb.add_client_error("update_item", "ThrottlingException")
        breaker.bring_in_successes()

    breaker.bring_in_successes()

    assert breaker.state().proved_at == int(clock())


@pytest.mark.parametrize("opened_by", ["client", "unlisted"])
def test_a_success_sent_after_it_opened_closes_it(stack: Stack, breaker: Breaker, clock: Clock, opened_by: str) -> None:
    open_by(breaker, clock, opened_by)
    clock.forward(60)

    state = succeed(breaker, clock())

    assert state.open is None
    assert stack.reports.total("BreakerClosed") == 1


@pytest.mark.parametrize("opened_by", ["client", "unlisted"])
def test_a_success_sent_before_it_opened_does_not_close_it(
    stack: Stack, breaker: Breaker, clock: Clock, opened_by: str
) -> None:
    breaker.succeeded(int(clock()), "v1")
    clock.forward(10)
    open_by(another_process(stack, clock).breaker, clock, opened_by)

    breaker.bring_in_successes()

    assert breaker.state().open == opened_by


@pytest.mark.parametrize("opened_by", ["client", "unlisted"])
def test_a_refused_grant_proves_that_the_client_is_known(breaker: Breaker, clock: Clock, opened_by: str) -> None:
    open_by(breaker, clock, opened_by)
    clock.forward(60)

    refuse_grant(breaker, clock())

    assert breaker.state().open is None


def test_a_report_from_before_the_last_change_is_ignored(breaker: Breaker, clock: Clock) -> None:
    open_by(breaker, clock, "client")
    sent_then = int(clock())
    clock.forward(60)
    succeed(breaker, clock())

    refuse_client(breaker, sent_then)

    assert breaker.state().open is None


def test_a_failure_that_says_nothing_about_us_counts_nothing(stack: Stack, breaker: Breaker, clock: Clock) -> None:
    assert breaker.tell(None, 1, int(clock())) == BreakerState()

    assert "Item" not in stack.dynamodb.get_item(TableName=stack.settings.scratch_table, Key={"pk": {"S": "breaker"}})


def open_by(breaker: Breaker, clock: Clock, reason: str) -> None:
    if reason == "client":
        refuse_client(breaker, clock())
    for hub_id in range(UNLISTED_ACCOUNTS if reason == "unlisted" else 0):
        meet_unlisted(breaker, hub_id, clock())
    assert breaker.state().open == reason


def test_a_breaker_that_opens_while_marked_accounts_are_made_due_lets_one_account_through(
    stack: Stack, breaker: Breaker, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hub_id in (1, 2, 3):
        stack.store(hub_id, Tokens("access", "refresh"), expires_in=1)
    refuse_grant(breaker, clock())
    clock.forward(10)
    succeed(breaker, clock())

    def opens(since: int) -> list[GrantKey]:
        refuse_client(breaker, clock())
        return []

    monkeypatch.setattr(stack.accounts_index, "marked_since", opens)

    assert stack.dispatcher.tick(lambda: 60.0) == 1
