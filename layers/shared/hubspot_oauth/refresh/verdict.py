"""Decides what to do about a failed refresh. The functions are pure; refresher.py alone applies their verdicts.

Each error of HubSpot's has its verdict:

- ``GrantDead``: mark the account dead. Try later if new tokens from an orphaned lease may still arrive. Mark nothing
  and end the batch while the breaker suspects a misconfiguration.
- ``Misconfigured``: mark nothing. A refused client id or secret ends the batch at once; any other such answer ends it
  only when the breaker is open.
- ``TryLater`` (time-outs, resets, 5xx, rate limits, bodies that do not parse): back off.
"""

from dataclasses import dataclass
from enum import StrEnum

from hubspot_oauth.domain.account import Account
from hubspot_oauth.domain.errors import Fault, GrantDead, HubSpotError, Misconfigured
from hubspot_oauth.domain.refresh_timing import BACKOFF_FIRST_SECONDS, backoff
from hubspot_oauth.refresh.breaker_state import Evidence, Standing


class Do(StrEnum):
    """What happens to the row. Each of these ends the lease."""

    MARK_DEAD = "mark_dead"
    TRY_LATER = "try_later"
    LET_GO = "let_go"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do after a refresh that gave no new access token.

    Attributes:
        do: What happens to the row.
        code: HubSpot's code, AWS's or one of ours. The log contains it, and a mark stores it in the row.
        kind: The dimension ``kind`` of the metric RefreshFailed, or None if nothing has failed.
        fault: The side at fault; ``TRY_LATER`` stores it in the row.
        wait: Seconds until another try makes sense.
        stop: Whether the batch ends, because the next account would fail in the same way.
    """

    do: Do
    code: str
    kind: str | None
    fault: Fault
    wait: float
    stop: bool = False

    def again_at(self, now: float) -> int:
        """When the row is due again, epoch seconds: the first whole second after the wait."""
        return int(now + self.wait) + 1

    @property
    def dead(self) -> bool:
        """Whether the account needs a re-install."""
        return self.do is Do.MARK_DEAD


def evidence_of(error: HubSpotError, row: Account, now: int) -> Evidence | None:
    """What the breaker must count before the verdict, or None.

    A dead grant that may not be marked is not counted, because its account is tried for up to 14 days and would look
    like many deaths.
    """
    if isinstance(error, GrantDead):
        return Evidence.DEATH if row.may_be_marked(now) else None
    if isinstance(error, Misconfigured):
        return Evidence.CLIENT if error.client_level else Evidence.UNLISTED
    return None


def judge(error: HubSpotError, row: Account, breaker: Standing, now: int, roll: float) -> Verdict:
    """The verdict on HubSpot's error.

    Args:
        error: HubSpot's answer, or the lack of one.
        row: The leased row.
        breaker: The breaker's standing after it has counted ``evidence_of``.
        now: Epoch seconds.
        roll: A random number in [0, 1) that spreads the next tries.
    """
    if isinstance(error, GrantDead):
        if not row.may_be_marked(now):
            return unproven(error, row, roll)
        if not breaker.may_mark:
            return held_back(error.code, "DeathSuspended", Fault.APP)
        return Verdict(Do.MARK_DEAD, error.code, "GrantDead", Fault.HUBSPOT, 0)
    if isinstance(error, Misconfigured) and breaker.open:
        return held_back(error.code, _kind_of(error), error.fault)
    return later(error.code, row, roll, kind=_kind_of(error), fault=error.fault, asked=error.retry_after)


def unproven(error: HubSpotError, row: Account, roll: float) -> Verdict:
    """Try later, because the account may not be marked yet, or the breaker or the mark could not be written."""
    kind = "DeathUnproven" if isinstance(error, GrantDead) else _kind_of(error)
    return later(error.code, row, roll, kind=kind, fault=error.fault, asked=error.retry_after)


def _kind_of(error: HubSpotError) -> str:
    return "Misconfigured" if isinstance(error, Misconfigured) else "TryLater"


def later(
    code: str,
    row: Account,
    roll: float,
    *,
    kind: str = "TryLater",
    fault: Fault = Fault.HUBSPOT,
    asked: int | None = None,
) -> Verdict:
    """Back off: longer with each failed try in a row, and at least for the seconds that HubSpot asked for."""
    return Verdict(Do.TRY_LATER, code, kind, fault, max(backoff(row.attempts, roll), asked or 0))


def held_back(code: str, kind: str, fault: Fault) -> Verdict:
    """Keep the account's due time and end the batch, because the account is not the cause."""
    return Verdict(Do.LET_GO, code, kind, fault, BACKOFF_FIRST_SECONDS, stop=True)


#: HubSpot was not called, because its slowest answer could come after the end of the lease or the function.
OUT_OF_TIME = Verdict(Do.LET_GO, "out_of_time", None, Fault.AWS, 1)
