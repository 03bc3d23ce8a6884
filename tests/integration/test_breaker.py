"""The breaker: what opens it, what closes it, and what a healthy fleet costs."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.stub import Stubber

from hubspot_oauth.refresh.breaker import DEATHS_LEAST, UNLISTED_ACCOUNTS, WINDOW_SECONDS, Breaker, Reason
from tests.stack import Clock, Reports, Stack


@pytest.fixture
def reports() -> Reports:
    return Reports()


@pytest.fixture
def breaker(stack: Stack, clock: Clock, reports: Reports) -> Breaker:
    return container(stack, clock, reports)


def container(stack: Stack, clock: Clock, reports: Reports) -> Breaker:
    """The breaker as one more process sees it."""
    return Breaker(stack.dynamodb, stack.settings.scratch_table, reports, clock)


def succeed(breaker: Breaker, clock: Clock, times: int = 1) -> None:
    for _ in range(times):
        breaker.succeeded(int(clock()))


def test_a_refused_client_opens_it_at_once(breaker: Breaker, clock: Clock) -> None:
    breaker.client_refused(int(clock()))

    assert breaker.state().open == "client"


def test_of_many_who_are_refused_at_once_one_opens_it(
    stack: Stack, breaker: Breaker, clock: Clock, reports: Reports
) -> None:
    others = [container(stack, clock, reports) for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda each: each.client_refused(int(clock())), others))

    assert reports.total("BreakerOpened") == 1


def test_unlisted_answers_open_it_only_when_five_accounts_met_one(breaker: Breaker, clock: Clock) -> None:
    opened = [breaker.unlisted(hub_id, int(clock())) for hub_id in (1, 2, 3, 4, 1, 2, 5)]

    assert opened == [False] * 6 + [True]
    assert breaker.state().open == "unlisted"


def test_a_few_odd_accounts_in_a_healthy_fleet_do_not_open_it(breaker: Breaker, clock: Clock) -> None:
    for hub_id in range(3 * UNLISTED_ACCOUNTS):
        succeed(breaker, clock, 20)
        assert not breaker.unlisted(hub_id, int(clock()))

    assert breaker.state().open is None


def test_ten_deaths_among_hundreds_of_successes_do_not_open_it(breaker: Breaker, clock: Clock) -> None:
    for _ in range(2 * DEATHS_LEAST):
        succeed(breaker, clock, 20)
        assert breaker.death(int(clock()))

    assert breaker.state().open is None


def test_successes_of_long_ago_prove_nothing_about_today(breaker: Breaker, clock: Clock) -> None:
    succeed(breaker, clock, 2000)
    clock.forward(3600)

    may_mark = [breaker.death(int(clock())) for _ in range(DEATHS_LEAST)]

    assert may_mark.count(True) == DEATHS_LEAST - 1
    assert breaker.state().open == "deaths"


def test_a_success_sent_before_the_first_death_leaves_the_run_of_deaths(
    stack: Stack, breaker: Breaker, clock: Clock, reports: Reports
) -> None:
    other = container(stack, clock, reports)
    succeed(other, clock)
    clock.forward(1)
    began = int(clock())
    breaker.death(began)
    clock.forward(1)
    other.bring_in_successes()

    assert breaker.state().streak_at == began


def test_ten_deaths_among_few_successes_open_it_and_the_tenth_is_not_marked(breaker: Breaker, clock: Clock) -> None:
    may_mark = [breaker.death(int(clock())) for _ in range(DEATHS_LEAST)]

    assert may_mark == [True] * (DEATHS_LEAST - 1) + [False]
    assert breaker.state().open == "deaths"


def test_deaths_of_an_earlier_window_do_not_count(breaker: Breaker, clock: Clock) -> None:
    for _ in range(DEATHS_LEAST - 1):
        breaker.death(int(clock()))
    clock.forward(WINDOW_SECONDS + 1)

    assert breaker.death(int(clock()))
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


def test_a_breaker_whose_run_of_deaths_ended_as_it_opened_can_be_closed(
    stack: Stack, clock: Clock, reports: Reports
) -> None:
    breaker = Overtaken(stack.dynamodb, stack.settings.scratch_table, reports, clock)
    breaker.other = container(stack, clock, reports)
    open_by(breaker, clock, "deaths")
    clock.forward(60)

    succeed(breaker, clock)
    breaker.bring_in_successes()

    assert breaker.state().open is None


@pytest.mark.parametrize("opened_by", ["client", "unlisted", "deaths"])
def test_a_success_sent_after_it_opened_closes_it(
    breaker: Breaker, clock: Clock, reports: Reports, opened_by: str
) -> None:
    open_by(breaker, clock, opened_by)
    clock.forward(60)

    succeed(breaker, clock)
    breaker.bring_in_successes()

    state = breaker.state()
    assert (state.open, state.revive_since is not None) == (None, opened_by == "deaths")
    assert reports.total("BreakerClosed") == 1


@pytest.mark.parametrize("opened_by", ["client", "unlisted", "deaths"])
def test_a_success_sent_before_it_opened_does_not_close_it(breaker: Breaker, clock: Clock, opened_by: str) -> None:
    succeed(breaker, clock)
    clock.forward(10)
    other = Breaker(breaker._dynamodb, breaker._table, breaker._report, clock)
    open_by(other, clock, opened_by)

    breaker.bring_in_successes()

    assert breaker.state().open == opened_by


@pytest.mark.parametrize(("opened_by", "closes"), [("client", True), ("unlisted", True), ("deaths", False)])
def test_a_dead_grant_proves_that_the_client_is_known(
    breaker: Breaker, clock: Clock, opened_by: str, closes: bool
) -> None:
    open_by(breaker, clock, opened_by)
    clock.forward(60)

    may_mark = breaker.death(int(clock()))

    assert (may_mark, breaker.state().open is None) == (closes, closes)


def test_a_report_from_before_the_last_change_is_ignored(breaker: Breaker, clock: Clock) -> None:
    open_by(breaker, clock, "client")
    sent_then = int(clock())
    clock.forward(60)
    succeed(breaker, clock)
    breaker.bring_in_successes()

    breaker.client_refused(sent_then)

    assert breaker.state().open is None


def open_by(breaker: Breaker, clock: Clock, reason: str) -> None:
    if reason == "client":
        breaker.client_refused(int(clock()))
    for hub_id in range(UNLISTED_ACCOUNTS if reason == "unlisted" else 0):
        breaker.unlisted(hub_id, int(clock()))
    for _ in range(DEATHS_LEAST if reason == "deaths" else 0):
        breaker.death(int(clock()))
    assert breaker.state().open == reason
