"""What a failed refresh means and what is to be done about it: pure functions, applied by refresher.py alone.

The order of judgement, as HubSpot's answers are documented:

1. The grant is dead (``GrantDead``): mark it, unless an orphaned lease's answer may still bring living tokens, or the
   breaker suspects that the deaths are ours.
2. We are misconfigured (``Misconfigured``): mark nothing. A refused client id or secret stops the batch at once,
   another answer only once the breaker is open.
3. Try later (``TryLater``): time-outs, resets, 5xx, rate limits, bodies that do not parse.
"""

from dataclasses import dataclass
from enum import StrEnum

from hubspot_oauth.domain.account import Account
from hubspot_oauth.domain.errors import Fault, GrantDead, HubSpotError, Misconfigured, TryLater
from hubspot_oauth.domain.timing import BACKOFF_FIRST_SECONDS, backoff
from hubspot_oauth.refresh.breaker_state import Evidence, Standing


class Do(StrEnum):
    """What happens to the row, whose lease ends in any case."""

    MARK_DEAD = "mark_dead"
    TRY_LATER = "try_later"
    LET_GO = "let_go"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything to be done about a refresh that brought no token.

    Attributes:
        do: What happens to the row.
        code: HubSpot's word or ours, for the log.
        kind: How the metric RefreshFailed counts it; None when it is no failure.
        fault: The side at fault; a row that backs off remembers it.
        wait: Seconds until another try makes sense.
        stop: Whether the next account would fare no better, so that the batch ends.
    """

    do: Do
    code: str
    kind: str | None
    fault: Fault
    wait: float
    stop: bool = False

    @property
    def dead(self) -> bool:
        """Whether the account needs a re-install."""
        return self.do is Do.MARK_DEAD


def evidence_of(error: HubSpotError, row: Account, now: int) -> Evidence | None:
    """What the breaker must be told before the verdict, if anything.

    A dead grant that may not be marked is not told: one account that is tried for fourteen days is not many deaths.
    """
    if isinstance(error, GrantDead):
        return Evidence.DEATH if row.may_be_marked(now) else None
    if isinstance(error, Misconfigured):
        return Evidence.CLIENT if error.client_level else Evidence.UNLISTED
    return None


def judge(error: HubSpotError, row: Account, breaker: Standing, now: int, roll: float) -> Verdict:
    """The verdict on HubSpot's error.

    Args:
        error: What HubSpot answered, or that it did not.
        row: The leased row.
        breaker: The breaker after it was told of ``evidence_of``.
        now: Epoch seconds.
        roll: A random number in [0, 1) that spreads the next tries.
    """
    if isinstance(error, GrantDead):
        if not row.may_be_marked(now):
            return unproven(error, row, roll)
        if not breaker.may_mark:
            return held_back(error.code, "DeathSuspended", Fault.APP)
        return Verdict(Do.MARK_DEAD, error.code, "GrantDead", Fault.HUBSPOT, 0)
    if isinstance(error, Misconfigured):
        if breaker.open:
            return held_back(error.code, "Misconfigured", error.fault)
        return later(error.code, row, roll, kind="Misconfigured", fault=error.fault)
    return later(error.code, row, roll, asked=error.retry_after)


def unproven(error: HubSpotError, row: Account, roll: float) -> Verdict:
    """HubSpot's answer could not be acted upon: it counts as said once more later."""
    kind = "DeathUnproven" if isinstance(error, GrantDead) else type(error).__name__
    return later(error.code, row, roll, kind=kind, fault=error.fault, asked=error.retry_after)


def later(
    code: str,
    row: Account,
    roll: float,
    *,
    kind: str = TryLater.__name__,
    fault: Fault = Fault.HUBSPOT,
    asked: int | None = None,
) -> Verdict:
    """The account backs off, longer with each try in a row, and at least for the seconds that HubSpot asked for."""
    return Verdict(Do.TRY_LATER, code, kind, fault, max(backoff(row.attempts, roll), asked or 0))


def held_back(code: str, kind: str, fault: Fault) -> Verdict:
    """The account is not the cause: it stays as due as it was, and the batch ends."""
    return Verdict(Do.LET_GO, code, kind, fault, BACKOFF_FIRST_SECONDS, stop=True)


#: Lease or function end too soon for HubSpot's slowest answer; HubSpot was not asked.
OUT_OF_TIME = Verdict(Do.LET_GO, "out_of_time", None, Fault.AWS, 1)
