"""The verdict on a failed refresh, as the table of HubSpot's errors reads: no I/O, no clock but a number."""

from dataclasses import replace

import pytest

from hubspot_oauth.adapters.http_calls import Answer
from hubspot_oauth.adapters.hubspot_answers import failure
from hubspot_oauth.domain.account import Account, Binding, GrantKey, Status
from hubspot_oauth.domain.call_timeouts import RESCUE_RETENTION_SECONDS
from hubspot_oauth.domain.errors import AnswerForAnotherAccount, Fault, GrantDead, HubSpotError, Misconfigured, TryLater
from hubspot_oauth.domain.refresh_timing import BACKOFF_FIRST_SECONDS, BACKOFF_MOST_SECONDS
from hubspot_oauth.refresh.breaker_state import Evidence, Standing
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
ORPHANED = replace(ROW, orphaned_since=NOW - 60)
ORPHANED_LONG_AGO = replace(ROW, orphaned_since=NOW - RESCUE_RETENTION_SECONDS - 1)
CLOSED, OPEN, SUSPENDED = Standing(), Standing(open=True), Standing(may_mark=False)
HUBSPOT, APP = Fault.HUBSPOT, Fault.APP
MARK, LATER, LET_GO = Do.MARK_DEAD, Do.TRY_LATER, Do.LET_GO
CLIENT, UNLISTED, DEATH = Evidence.CLIENT, Evidence.UNLISTED, Evidence.DEATH


def answered(status: int, code: str, error: str = "") -> HubSpotError:
    """HubSpot's answer to a refresh, as the adapter understands it."""
    return failure(Answer(status, {}, f'{{"status": "{code}", "error": "{error}"}}'.encode()))


@pytest.mark.parametrize(
    ("error", "row", "breaker", "told", "do", "kind", "fault", "stop"),
    [
        # 1. The grant is dead: only a re-install helps.
        (answered(400, "BAD_REFRESH_TOKEN", "invalid_grant"), ROW, CLOSED, DEATH, MARK, "GrantDead", HUBSPOT, False),
        (answered(400, "BAD_HUB", "access_denied"), ROW, CLOSED, DEATH, MARK, "GrantDead", HUBSPOT, False),
        (answered(400, "BAD_SCOPES", "invalid_scope"), ROW, CLOSED, DEATH, MARK, "GrantDead", HUBSPOT, False),
        # ... but an orphaned lease's answer may still bring living tokens,
        (answered(400, "BAD_REFRESH_TOKEN"), ORPHANED, CLOSED, None, LATER, "DeathUnproven", HUBSPOT, False),
        (answered(400, "BAD_REFRESH_TOKEN"), ORPHANED_LONG_AGO, CLOSED, DEATH, MARK, "GrantDead", HUBSPOT, False),
        # ... and a whole fleet that dies at once is our own misconfiguration.
        (answered(400, "BAD_REFRESH_TOKEN"), ROW, SUSPENDED, DEATH, LET_GO, "DeathSuspended", APP, True),
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
    breaker: Standing,
    told: Evidence | None,
    do: Do,
    kind: str,
    fault: Fault,
    stop: bool,
) -> None:
    verdict = judge(error, row, breaker, NOW, roll=0.0)

    assert evidence_of(error, row, NOW) is told
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


def test_an_account_that_is_held_back_is_asked_for_again_soon() -> None:
    verdict = judge(Misconfigured("BAD_CLIENT_ID", 400), ROW, OPEN, NOW, 0.5)

    assert (verdict.do, verdict.wait) == (Do.LET_GO, BACKOFF_FIRST_SECONDS)


def test_a_lease_that_ends_too_soon_is_no_failure() -> None:
    assert (OUT_OF_TIME.do, OUT_OF_TIME.kind, OUT_OF_TIME.stop) == (Do.LET_GO, None, False)


def test_the_same_question_has_the_same_answer() -> None:
    error = GrantDead("BAD_REFRESH_TOKEN", 400)

    assert judge(error, ROW, CLOSED, NOW, 0.5) == judge(error, ROW, CLOSED, NOW, 0.5)
