"""DynamoDB does its work and the answer is lost, or a write meets a transaction: what was done counts as done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from hubspot_oauth.domain.account import Account, Failure, FirstRefusal, GrantKey, Status
from hubspot_oauth.domain.tokens import Tokens
from hubspot_oauth.refresh.breaker_state import Evidence
from simulator import Running
from tests.support.product_visitor import ProductVisitor, refusal_of
from tests.support.simulated_hubspot import has_live_grant, token_calls
from tests.support.stack import Clock, Stack, renewal_of

HUB_ID = 100001
Call = Callable[..., Any]


@contextmanager
def each_write(stack: Stack, wrap: Callable[[Call], Call], part: str = "") -> Iterator[list[str]]:
    """Wrap each update with ``part`` in its expression; the list gets these expressions."""
    met: list[str] = []
    real = stack.dynamodb.update_item

    def update_item(**request: Any) -> Any:
        if part not in request["UpdateExpression"]:
            return real(**request)
        met.append(request["UpdateExpression"])
        return wrap(real)(**request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stack.dynamodb, "update_item", update_item)
        yield met


def repeated(real: Call) -> Call:
    """The first answer is lost, and the SDK sends the same request again."""

    def call(**request: Any) -> Any:
        real(**request)
        return real(**request)

    return call


def unanswered(real: Call) -> Call:
    """The work is done, and no answer ever comes."""

    def call(**request: Any) -> Any:
        real(**request)
        raise ReadTimeoutError(endpoint_url="https://dynamodb")

    return call


def refused(code: str, times: int = 10**9) -> Callable[[Call], Call]:
    """DynamoDB refuses the first calls, and does none of their work."""
    left = iter(range(times))

    def wrap(real: Call) -> Call:
        def call(**request: Any) -> Any:
            if next(left, None) is None:
                return real(**request)
            raise ClientError({"Error": {"Code": code}}, "UpdateItem")

        return call

    return wrap


@pytest.fixture
def leased(stack: Stack, clock: Clock) -> Account:
    stack.store(HUB_ID, Tokens("access", "refresh"))
    clock.forward(1300)
    leased = stack.accounts.lease_due(GrantKey.of_account(HUB_ID), "me", int(clock()))
    assert leased
    return leased


FAILURE = Failure(1_800_000_000, "BAD_HUB")
ENDINGS: dict[str, Callable[[Stack, Account], bool]] = {
    "commit": lambda stack, row: stack.accounts.commit(renewal_of(row, sealed=b"new")),
    "try_later": lambda stack, row: stack.accounts.try_later(row, 1_900_000_000, FAILURE),
    "try_later after a refusal": lambda stack, row: stack.accounts.try_later(
        row, 1_900_000_000, replace(FAILURE, refused=FirstRefusal(1_800_000_000, "v1"))
    ),
    "let_go": lambda stack, row: stack.accounts.let_go(row, FAILURE),
    "mark_dead": lambda stack, row: stack.accounts.mark_dead(row, FAILURE, 1_900_000_000),
    "mark_dead for good": lambda stack, row: stack.accounts.mark_dead(row, FAILURE, None, proved=True),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_end_of_a_lease_whose_answer_was_lost_has_happened(stack: Stack, leased: Account, ending: str) -> None:
    with each_write(stack, repeated) as met:
        assert ENDINGS[ending](stack, leased)

    assert met
    assert stack.stored(HUB_ID).lease_owner is None


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_lease_that_another_has_ended_is_still_lost(stack: Stack, leased: Account, ending: str, clock: Clock) -> None:
    assert stack.accounts.commit(renewal_of(taken_over(stack, clock), sealed=b"another's"))

    assert not ENDINGS[ending](stack, leased)


@pytest.mark.parametrize("other", ["try_later", "mark_dead"])
def test_an_ending_of_another_kind_is_not_taken_for_ours(stack: Stack, leased: Account, other: str) -> None:
    assert ENDINGS[other](stack, leased)

    without_a_lease = {name: end for name, end in ENDINGS.items() if name != "commit"}  # a commit asks for none

    assert {name for name, end in without_a_lease.items() if end(stack, leased)} == {other}


def taken_over(stack: Stack, clock: Clock) -> Account:
    clock.forward(60)
    taken = stack.accounts.lease_due(GrantKey.of_account(HUB_ID), "another", int(clock()))
    assert taken
    return taken


def test_what_another_lease_owner_has_not_ended_yet_is_not_taken_for_ours(
    stack: Stack, leased: Account, clock: Clock
) -> None:
    again_at = int(clock())
    assert stack.accounts.try_later(leased, again_at, FAILURE)
    taken_over(stack, clock)

    assert not stack.accounts.try_later(leased, again_at, FAILURE)


def test_the_same_ending_of_a_later_version_is_not_taken_for_ours(stack: Stack, leased: Account, clock: Clock) -> None:
    taken = taken_over(stack, clock)
    assert stack.accounts.commit(renewal_of(taken, sealed=b"new", refresh_at=int(clock())))
    assert stack.accounts.let_go(taken_over(stack, clock), None)
    assert stack.stored(HUB_ID).attempts == leased.attempts - 1

    assert not stack.accounts.let_go(leased, None)


def test_a_breaker_whose_opening_and_closing_were_not_answered_reports_both_once(stack: Stack, clock: Clock) -> None:
    with each_write(stack, repeated):
        stack.breaker.tell(Evidence.CLIENT, HUB_ID, int(clock()))
        clock.forward(1)
        stack.breaker.tell(Evidence.CLIENT, HUB_ID, int(clock()))
        stack.breaker.succeeded(int(clock()), "v1")
        stack.breaker.bring_in_successes()

    assert [stack.reports.total(name) for name in ("BreakerOpened", "BreakerClosed")] == [1, 1]


@pytest.mark.parametrize("way", [repeated, unanswered])
def test_an_install_whose_storing_was_not_answered_is_installed(
    visitor: ProductVisitor, hubspot: Running, way: Callable[[Call], Call]
) -> None:
    url = visitor.callback_url()
    with each_write(visitor.stack, way, "sealed = :sealed") as met:
        pages = [visitor.open(url) for _ in range(2)]

    assert len(met) == 1
    assert all("You are connected" in page["body"] for page in pages)
    assert visitor.stack.stored(HUB_ID).status is Status.ACTIVE
    [(_, _, evidence)] = [entry for entry in visitor.stack.reports.entries if entry[0] == "InstallsCompleted"]
    assert not evidence["reinstall"]
    assert has_live_grant(hubspot.simulator, HUB_ID)


def test_an_install_that_cannot_be_stored_is_revoked_and_recorded_as_refused(
    visitor: ProductVisitor, hubspot: Running
) -> None:
    url = visitor.callback_url()
    with each_write(visitor.stack, refused("ThrottlingException"), "sealed = :sealed"):
        pages = [visitor.open(url) for _ in range(2)]

    assert [refusal_of(page) for page in pages] == ["interrupted"] * 2
    assert visitor.stack.account(HUB_ID) is None
    assert not has_live_grant(hubspot.simulator, HUB_ID)
    assert token_calls(hubspot.simulator, "authorization_code") == 1


def test_a_reinstall_that_cannot_be_stored_leaves_the_grant_that_is(visitor: ProductVisitor, hubspot: Running) -> None:
    visitor.walk()
    working = visitor.stack.stored(HUB_ID)
    url = visitor.callback_url()

    with each_write(visitor.stack, refused("ThrottlingException"), "sealed = :sealed"):
        assert refusal_of(visitor.open(url)) == "interrupted"

    assert visitor.stack.stored(HUB_ID) == working
    assert has_live_grant(hubspot.simulator, HUB_ID)


def test_a_missing_permission_to_store_revokes_too_and_rings_the_alarm(
    visitor: ProductVisitor, hubspot: Running
) -> None:
    url = visitor.callback_url()
    with (
        each_write(visitor.stack, refused("AccessDeniedException"), "sealed = :sealed"),
        pytest.raises(ClientError, match="AccessDenied"),
    ):
        visitor.open(url)

    assert not has_live_grant(hubspot.simulator, HUB_ID)


def test_an_outcome_that_meets_a_transaction_is_recorded_a_moment_later(
    visitor: ProductVisitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(visitor.stack.spent_codes, "_sleep", waits.append)
    monkeypatch.setattr(visitor.stack.spent_codes, "_roll", iter([0.0, 0.5, 0.75]).__next__)
    url = visitor.callback_url(return_to="https://app.example.com/done")

    with each_write(visitor.stack, refused("TransactionConflictException", 3), "outcome = :outcome") as met:
        landings = [visitor.open(url) for _ in range(2)]

    assert [landing["statusCode"] for landing in landings] == [302, 302]
    assert len(met) == 4
    assert waits == pytest.approx([0.05, 0.15, 0.35])


@pytest.mark.parametrize(
    ("code", "tries"), [("TransactionConflictException", 8), ("ThrottlingException", 1), ("AccessDeniedException", 1)]
)
def test_a_stored_install_is_never_reported_as_failed(
    visitor: ProductVisitor, monkeypatch: pytest.MonkeyPatch, code: str, tries: int
) -> None:
    monkeypatch.setattr(visitor.stack.spent_codes, "_sleep", lambda _: None)
    url = visitor.callback_url()

    with each_write(visitor.stack, refused(code), "outcome = :outcome") as met:
        page = visitor.open(url)

    assert len(met) == tries
    assert "You are connected" in page["body"]
    assert visitor.stack.reports.total("InstallsCompleted") == 1
    assert visitor.stack.reports.total("OutcomesUnrecorded") == 1


def test_a_refusal_is_shown_though_it_cannot_be_recorded(visitor: ProductVisitor) -> None:
    url = visitor.callback_url()

    with each_write(visitor.stack, refused("ThrottlingException"), "outcome = :outcome"):
        page = visitor.open(url.replace("code=", "code=x"))

    assert refusal_of(page) == "code_rejected"
