"""The breaker: what opens it, what closes it, and what a healthy fleet costs."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.stub import Stubber

from hubspot_oauth.refresh.breaker import Breaker
from hubspot_oauth.refresh.breaker_state import (
    DEATHS_LEAST,
    UNLISTED_ACCOUNTS,
    WINDOW_SECONDS,
    Evidence,
    Reason,
    Standing,
)
from tests.support.stack import Clock, Stack


@pytest.fixture
def breaker(stack: Stack) -> Breaker:
    return stack.breaker


def another_process(stack: Stack, clock: Clock) -> Stack:
    """One more process that shares the breaker's item."""
    return Stack(stack.environment, clock)


def refuse_client(breaker: Breaker, sent_at: float) -> Standing:
    """An account's refresh brought that HubSpot refuses the client."""
    return breaker.tell(Evidence.CLIENT, 1, int(sent_at))


def meet_unlisted(breaker: Breaker, hub_id: int, sent_at: float) -> bool:
    """An account met an unlisted answer; whether the breaker is open now."""
    return breaker.tell(Evidence.UNLISTED, hub_id, int(sent_at)).open


def meet_death(breaker: Breaker, sent_at: float) -> bool:
    """An account's grant is dead; whether it may be marked."""
    return breaker.tell(Evidence.DEATH, 1, int(sent_at)).may_mark


def succeed(breaker: Breaker, clock: Clock, times: int = 1) -> None:
    for _ in range(times):
        breaker.succeeded(int(clock()))


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
        succeed(breaker, clock, 20)
        assert not meet_unlisted(breaker, hub_id, clock())

    assert breaker.state().open is None


def test_ten_deaths_among_hundreds_of_successes_do_not_open_it(breaker: Breaker, clock: Clock) -> None:
    for _ in range(2 * DEATHS_LEAST):
        succeed(breaker, clock, 20)
        assert meet_death(breaker, clock())

    assert breaker.state().open is None


def test_successes_of_long_ago_prove_nothing_about_today(breaker: Breaker, clock: Clock) -> None:
    succeed(breaker, clock, 2000)
    clock.forward(3600)

    may_mark = [meet_death(breaker, clock()) for _ in range(DEATHS_LEAST)]

    assert may_mark.count(True) == DEATHS_LEAST - 1
    assert breaker.state().open == "deaths"


def test_a_success_sent_before_the_first_death_leaves_the_run_of_deaths(
    stack: Stack, breaker: Breaker, clock: Clock
) -> None:
    other = another_process(stack, clock).breaker
    succeed(other, clock)
    clock.forward(1)
    began = int(clock())
    meet_death(breaker, began)
    clock.forward(1)
    other.bring_in_successes()

    assert breaker.state().streak_at == began


def test_ten_deaths_among_few_successes_open_it_and_the_tenth_is_not_marked(breaker: Breaker, clock: Clock) -> None:
    may_mark = [meet_death(breaker, clock()) for _ in range(DEATHS_LEAST)]

    assert may_mark == [True] * (DEATHS_LEAST - 1) + [False]
    assert breaker.state().open == "deaths"


def test_deaths_of_an_earlier_window_do_not_count(breaker: Breaker, clock: Clock) -> None:
    for _ in range(DEATHS_LEAST - 1):
        meet_death(breaker, clock())
    clock.forward(WINDOW_SECONDS + 1)

    assert meet_death(breaker, clock())
    assert breaker.state().open is None


def test_successes_cost_no_write_until_something_is_counted(stack: Stack, breaker: Breaker, clock: Clock) -> None:
    succeed(breaker, clock, 100)
    assert "Item" not in stack.dynamodb.get_item(TableName=stack.settings.scratch_table, Key={"pk": {"S": "breaker"}})

    breaker.bring_in_successes()
    breaker.bring_in_successes()

    assert breaker.state().successes == 100


def test_successes_that_dynamodb_does_not_take_are_brought_in_later(
    stack: Stack, breaker: Breaker, clock: Clock
) -> None:
    succeed(breaker, clock, 3)
    with Stubber(stack.dynamodb) as dynamodb:
        dynamodb.add_client_error("update_item", "ThrottlingException")
        breaker.bring_in_successes()

    breaker.bring_in_successes()

    assert breaker.state().successes == 3


class Overtaken(Breaker):
    """A breaker that meets another process's success right before it opens."""

    other: Breaker

    def _open(self, reason: Reason, sent_at: int) -> None:
        self.other.succeeded(sent_at)
        self.other.bring_in_successes()
        super()._open(reason, sent_at)


def test_a_breaker_whose_run_of_deaths_ended_as_it_opened_can_be_closed(stack: Stack, clock: Clock) -> None:
    breaker = Overtaken(stack.dynamodb, stack.settings.scratch_table, stack.reports, clock)
    breaker.other = another_process(stack, clock).breaker
    open_by(breaker, clock, "deaths")
    clock.forward(60)

    succeed(breaker, clock)
    breaker.bring_in_successes()

    assert breaker.state().open is None


@pytest.mark.parametrize("opened_by", ["client", "unlisted", "deaths"])
def test_a_success_sent_after_it_opened_closes_it(stack: Stack, breaker: Breaker, clock: Clock, opened_by: str) -> None:
    open_by(breaker, clock, opened_by)
    clock.forward(60)

    succeed(breaker, clock)
    breaker.bring_in_successes()

    state = breaker.state()
    assert (state.open, state.revive_since is not None) == (None, opened_by == "deaths")
    assert stack.reports.total("BreakerClosed") == 1


@pytest.mark.parametrize("opened_by", ["client", "unlisted", "deaths"])
def test_a_success_sent_before_it_opened_does_not_close_it(
    stack: Stack, breaker: Breaker, clock: Clock, opened_by: str
) -> None:
    succeed(breaker, clock)
    clock.forward(10)
    open_by(another_process(stack, clock).breaker, clock, opened_by)

    breaker.bring_in_successes()

    assert breaker.state().open == opened_by


@pytest.mark.parametrize(("opened_by", "closes"), [("client", True), ("unlisted", True), ("deaths", False)])
def test_a_dead_grant_proves_that_the_client_is_known(
    breaker: Breaker, clock: Clock, opened_by: str, closes: bool
) -> None:
    open_by(breaker, clock, opened_by)
    clock.forward(60)

    may_mark = meet_death(breaker, clock())

    assert (may_mark, breaker.state().open is None) == (closes, closes)


def test_a_report_from_before_the_last_change_is_ignored(breaker: Breaker, clock: Clock) -> None:
    open_by(breaker, clock, "client")
    sent_then = int(clock())
    clock.forward(60)
    succeed(breaker, clock)
    breaker.bring_in_successes()

    refuse_client(breaker, sent_then)

    assert breaker.state().open is None


def test_a_failure_that_says_nothing_about_us_holds_no_account_back_and_counts_nothing(
    stack: Stack, breaker: Breaker, clock: Clock
) -> None:
    assert breaker.tell(None, 1, int(clock())) == Standing(open=False, may_mark=True)

    assert "Item" not in stack.dynamodb.get_item(TableName=stack.settings.scratch_table, Key={"pk": {"S": "breaker"}})


def open_by(breaker: Breaker, clock: Clock, reason: str) -> None:
    if reason == "client":
        refuse_client(breaker, clock())
    for hub_id in range(UNLISTED_ACCOUNTS if reason == "unlisted" else 0):
        meet_unlisted(breaker, hub_id, clock())
    for _ in range(DEATHS_LEAST if reason == "deaths" else 0):
        meet_death(breaker, clock())
    assert breaker.state().open == reason
