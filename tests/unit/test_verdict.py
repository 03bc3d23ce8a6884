"""The verdict on a failed refresh, as the table of HubSpot's errors reads: no I/O, no clock but a number."""

from dataclasses import replace
from typing import Any

import pytest

from hubspot_oauth.adapters.http_calls import Answer
from hubspot_oauth.adapters.hubspot_answers import failure
from hubspot_oauth.domain.account import Account, Binding, FirstRefusal, GrantKey, Status
from hubspot_oauth.domain.call_timeouts import CLOCK_SKEW_SECONDS, RESCUE_RETENTION_SECONDS
from hubspot_oauth.domain.errors import AnswerForAnotherAccount, Fault, GrantDead, HubSpotError, Misconfigured, TryLater
from hubspot_oauth.domain.refresh_timing import BACKOFF_FIRST_SECONDS, BACKOFF_MOST_SECONDS, HOLD_SECONDS
from hubspot_oauth.refresh.breaker_state import SUSPICIOUS_GRANTS, BreakerState, Evidence, Reason
from hubspot_oauth.refresh.verdict import OUT_OF_TIME, Do, evidence_of, judge

NOW = 1_800_000_000
ROW = Account(
    key=GrantKey.of_account(1),
    install_id="install",
    version=1,
    status=Status.ACTIVE,
    sealed=b"",
    scopes=("oauth",),
    issued_at=NOW - 1800,
    expires_at=NOW,
    installed_at=NOW - 1800,
    binding=Binding.BOUND,
    lease_owner="me",
    attempts=1,
)
REFUSED = replace(ROW, first_refusal=FirstRefusal(NOW - 60, "v1"))
ORPHANED = replace(REFUSED, orphaned_since=NOW - 60)
ORPHANED_LONG_AGO = replace(REFUSED, orphaned_since=NOW - RESCUE_RETENTION_SECONDS - 1)
CLOSED, OPEN = BreakerState(), BreakerState(open=Reason.UNLISTED)
MANY = BreakerState(refused=SUSPICIOUS_GRANTS, refused_since=NOW - 7200, refused_at=NOW)
PROVED = replace(MANY, proved_at=NOW - 50, proved_with="v1")
HUBSPOT, APP = Fault.HUBSPOT, Fault.APP
MARK, LATER, LET_GO = Do.MARK_DEAD, Do.TRY_LATER, Do.LET_GO
CLIENT, UNLISTED, FIRST, AGAIN = Evidence.CLIENT, Evidence.UNLISTED, Evidence.FIRST_REFUSAL, Evidence.REFUSAL


def answered(status: int, code: str, error: str = "") -> HubSpotError:
    """HubSpot's answer to a refresh, as the adapter understands it."""
    answer = failure(Answer(status, {}, f'{{"status": "{code}", "error": "{error}"}}'.encode()))
    answer.secret_version = "v1"
    return answer


def refused(version: str = "v1") -> GrantDead:
    error = GrantDead("BAD_REFRESH_TOKEN", 400)
    error.secret_version = version
    return error


def first_refused(seconds_ago: float, **changes: Any) -> Account:
    return replace(ROW, first_refusal=FirstRefusal(int(NOW - seconds_ago), "v1"), **changes)


@pytest.mark.parametrize(
    ("error", "row", "breaker", "told", "do", "kind", "fault", "stop"),
    [
        # 1. The grant is dead, as a second refusal says: only a re-install helps.
        (answered(400, "BAD_REFRESH_TOKEN"), ROW, CLOSED, FIRST, LATER, "GrantRefused", HUBSPOT, False),
        (answered(400, "BAD_REFRESH_TOKEN"), REFUSED, CLOSED, AGAIN, MARK, "GrantDead", HUBSPOT, False),
        (answered(400, "BAD_HUB", "access_denied"), REFUSED, CLOSED, AGAIN, MARK, "GrantDead", HUBSPOT, False),
        (answered(400, "BAD_SCOPES", "invalid_scope"), REFUSED, CLOSED, AGAIN, MARK, "GrantDead", HUBSPOT, False),
        # ... but an orphaned lease's answer may still bring living tokens,
        (answered(400, "BAD_REFRESH_TOKEN"), ORPHANED, CLOSED, AGAIN, LATER, "DeathUnproven", HUBSPOT, False),
        (answered(400, "BAD_REFRESH_TOKEN"), ORPHANED_LONG_AGO, CLOSED, AGAIN, MARK, "GrantDead", HUBSPOT, False),
        # ... and where many are refused, only a success with the same secret since tells a dead grant from a mistake.
        (answered(400, "BAD_REFRESH_TOKEN"), REFUSED, MANY, AGAIN, LATER, "DeathSuspended", HUBSPOT, False),
        (answered(400, "BAD_REFRESH_TOKEN"), REFUSED, PROVED, AGAIN, MARK, "GrantDead", HUBSPOT, False),
        # 2. We are misconfigured: no account is marked.
        (answered(400, "BAD_CLIENT_ID", "invalid_request"), ROW, OPEN, CLIENT, LET_GO, "Misconfigured", APP, True),
        (answered(400, "BAD_CLIENT_SECRET", "invalid_grant"), ROW, OPEN, CLIENT, LET_GO, "Misconfigured", APP, True),
        (answered(401, "", "invalid_client"), ROW, OPEN, CLIENT, LET_GO, "Misconfigured", APP, True),
        (answered(400, "BAD_GRANT_TYPE"), ROW, CLOSED, UNLISTED, LATER, "Misconfigured", APP, False),
        (answered(415, ""), ROW, CLOSED, UNLISTED, LATER, "Misconfigured", APP, False),
        (answered(418, "TEAPOT"), ROW, OPEN, UNLISTED, LET_GO, "Misconfigured", APP, True),
        (AnswerForAnotherAccount(), ROW, CLOSED, UNLISTED, LATER, "Misconfigured", HUBSPOT, False),
        # 3. Try later.
        (answered(429, "RATE_LIMIT"), ROW, CLOSED, None, LATER, "TryLater", HUBSPOT, False),
        (answered(423, ""), ROW, CLOSED, None, LATER, "TryLater", HUBSPOT, False),
        (answered(477, ""), ROW, CLOSED, None, LATER, "TryLater", HUBSPOT, False),
        (answered(502, "BAD_REFRESH_TOKEN", "invalid_grant"), ROW, CLOSED, None, LATER, "TryLater", HUBSPOT, False),
        (TryLater("timeout"), ROW, CLOSED, None, LATER, "TryLater", HUBSPOT, False),
        (TryLater("not_json", 200), ORPHANED, OPEN, None, LATER, "TryLater", HUBSPOT, False),
    ],
)  # fmt: skip
def test_what_an_error_means(
    error: HubSpotError,
    row: Account,
    breaker: BreakerState,
    told: Evidence | None,
    do: Do,
    kind: str,
    fault: Fault,
    stop: bool,
) -> None:
    verdict = judge(error, row, breaker, NOW, roll=0.0)

    assert evidence_of(error, row) is told
    assert (verdict.do, verdict.kind, verdict.fault, verdict.stop) == (do, kind, fault, stop)
    assert verdict.code == error.code
    assert verdict.dead is (do is Do.MARK_DEAD)


@pytest.mark.parametrize(("attempts", "least", "most"), [(1, 2.5, 5), (2, 5, 10), (4, 20, 40), (40, 150, 300)])
def test_an_account_backs_off_longer_with_each_try(attempts: int, least: float, most: float) -> None:
    row = replace(ROW, attempts=attempts)
    waits = [judge(TryLater("timeout"), row, CLOSED, NOW, roll).wait for roll in (0.0, 0.999)]

    assert waits[0] == least
    assert most * 0.99 < waits[1] <= most <= BACKOFF_MOST_SECONDS


def test_an_account_waits_at_least_as_long_as_hubspot_asks() -> None:
    assert judge(TryLater("http_477", 477, 86_400), ROW, CLOSED, NOW, 0.5).wait == 86_400
    assert judge(TryLater("http_429", 429, 1), ROW, CLOSED, NOW, 0.5).wait > 1


def test_a_second_refusal_comes_a_minute_after_the_first_or_a_tenth_of_a_short_life() -> None:
    brief = replace(ROW, issued_at=NOW - 20, expires_at=NOW)

    assert judge(refused(), ROW, CLOSED, NOW, 0.5).wait == 60
    assert judge(refused(), brief, CLOSED, NOW, 0.5).wait == 2
    assert judge(refused(), ROW, CLOSED, NOW, 0.5).refused == FirstRefusal(NOW, "v1")


def test_a_refusal_that_comes_too_soon_is_no_second_one() -> None:
    verdict = judge(refused(), first_refused(59), PROVED, NOW, 0.5)

    assert (verdict.do, verdict.wait, verdict.refused) == (LATER, 1, None)


def test_a_refusal_with_another_client_secret_is_a_first_one() -> None:
    verdict = judge(refused("v2"), first_refused(86_400), PROVED, NOW, 0.5)

    assert (verdict.do, verdict.refused) == (LATER, FirstRefusal(NOW, "v2"))
    assert evidence_of(refused("v2"), REFUSED) is FIRST


@pytest.mark.parametrize(
    ("proof", "do"),
    [
        (replace(PROVED, proved_at=NOW - 60 + CLOCK_SKEW_SECONDS), LATER),  # perhaps before it, by another's clock
        (replace(PROVED, proved_at=NOW - 59 + CLOCK_SKEW_SECONDS), MARK),
        (replace(PROVED, proved_with="v2"), LATER),
        (replace(MANY, refused=SUSPICIOUS_GRANTS - 1), MARK),
    ],
)
def test_what_proves_a_refusal(proof: BreakerState, do: Do) -> None:
    assert judge(refused(), REFUSED, proof, NOW, 0.5).do is do


def test_a_mark_without_proof_waits_no_longer_than_three_hours() -> None:
    assert judge(refused(), first_refused(HOLD_SECONDS - 1), MANY, NOW, 0.5).do is LATER
    assert judge(refused(), first_refused(HOLD_SECONDS), MANY, NOW, 0.5).do is MARK


@pytest.mark.parametrize(
    ("proved_before", "breaker", "age", "wait", "proved", "final"),
    [
        (False, PROVED, 60, 3600, True, False),
        (False, PROVED, 3600, 3600, True, False),  # the success may have come after this very refusal
        (True, PROVED, 3600, 3600, True, True),
        (True, PROVED, 600, 3600, True, False),
        (False, CLOSED, 3600, 3600, False, False),
        (False, CLOSED, 86_400, 86_400, False, False),
        (False, MANY, 86_400, 86_400, False, False),
    ],
)
def test_a_marked_account_is_tried_again_until_a_success_has_proved_the_mark(
    proved_before: bool, breaker: BreakerState, age: int, wait: int, proved: bool, final: bool
) -> None:
    row = first_refused(age, refusal_proved=proved_before)

    verdict = judge(refused(), row, breaker, NOW, 0.5)

    assert (verdict.do, verdict.wait, verdict.proved, verdict.final) == (MARK, wait, proved, final)


def test_a_marked_account_stays_marked_while_many_are_refused() -> None:
    assert judge(refused(), first_refused(3600, status=Status.NEEDS_REINSTALL), MANY, NOW, 0.5).do is MARK


def test_a_grant_whose_orphaned_lease_may_answer_is_tried_ever_more_rarely() -> None:
    week = 7 * 86_400
    row = first_refused(week, orphaned_since=NOW - week)

    assert judge(refused(), row, PROVED, NOW, 0.5).wait == week


def test_such_a_grant_is_tried_as_soon_as_its_lease_can_answer_no_more() -> None:
    row = first_refused(RESCUE_RETENTION_SECONDS - 100, orphaned_since=NOW - RESCUE_RETENTION_SECONDS + 900, attempts=1)

    verdict = judge(refused(), row, CLOSED, NOW, 0.5)

    assert row.may_be_marked(verdict.again_at(NOW))
    assert verdict.wait <= 901


def test_an_account_that_is_held_back_is_asked_for_again_soon() -> None:
    verdict = judge(Misconfigured("BAD_CLIENT_ID", 400), ROW, OPEN, NOW, 0.5)

    assert (verdict.do, verdict.wait) == (Do.LET_GO, BACKOFF_FIRST_SECONDS)


def test_a_lease_that_ends_too_soon_is_no_failure() -> None:
    assert (OUT_OF_TIME.do, OUT_OF_TIME.kind, OUT_OF_TIME.stop) == (Do.LET_GO, None, False)


def test_the_same_question_has_the_same_answer() -> None:
    error = GrantDead("BAD_REFRESH_TOKEN", 400)

    assert judge(error, ROW, CLOSED, NOW, 0.5) == judge(error, ROW, CLOSED, NOW, 0.5)
