"""Decides what to do about a failed refresh. The functions are pure; refresher.py alone applies their verdicts.

Each error of HubSpot's has its verdict:

- ``GrantDead``: ask a second time a minute later, because the first answer may be a hiccup of HubSpot's. After the
  second refusal mark the account dead. Two things put the mark off: new tokens from an orphaned lease may still arrive,
  or HubSpot refuses many grants and refreshes none (for at most three hours). A marked account is tried again at
  growing intervals. The tries end, and the mark is final, with one more refusal after a success with the same client
  secret, two token lifetimes after the first refusal at the earliest.
- ``Misconfigured``: mark nothing. A refused client id or secret ends the batch at once; any other such answer ends it
  only when the breaker is open.
- ``TryLater`` (time-outs, resets, 5xx, rate limits, bodies that do not parse): back off.
"""

from dataclasses import dataclass
from enum import StrEnum

from hubspot_oauth.domain.account import Account, FirstRefusal, Status
from hubspot_oauth.domain.errors import Fault, GrantDead, HubSpotError, Misconfigured
from hubspot_oauth.domain.refresh_timing import BACKOFF_FIRST_SECONDS, HOLD_SECONDS, backoff, recheck, second_look
from hubspot_oauth.refresh.breaker_state import BreakerState, Evidence


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
        refused: The grant's first refusal, which ``TRY_LATER`` stores in the row.
        proved: Whether a success since the first refusal has proved that the refusals concern the grant alone.
        final: Whether a marked account is never tried again.
    """

    do: Do
    code: str
    kind: str | None
    fault: Fault
    wait: float
    stop: bool = False
    refused: FirstRefusal | None = None
    proved: bool = False
    final: bool = False

    def again_at(self, now: float) -> int:
        """When the row is due again, epoch seconds: the first whole second after the wait."""
        return int(now + self.wait) + 1

    @property
    def dead(self) -> bool:
        """Whether the account needs a re-install."""
        return self.do is Do.MARK_DEAD


def evidence_of(error: HubSpotError, row: Account) -> Evidence | None:
    """What the breaker must count before the verdict, or None."""
    if isinstance(error, GrantDead):
        return Evidence.REFUSAL if _refused_before(error, row) else Evidence.FIRST_REFUSAL
    if isinstance(error, Misconfigured):
        return Evidence.CLIENT if error.client_level else Evidence.UNLISTED
    return None


def judge(error: HubSpotError, row: Account, breaker: BreakerState, now: int, roll: float) -> Verdict:
    """The verdict on HubSpot's error.

    Args:
        error: HubSpot's answer, or the lack of one.
        row: The leased row.
        breaker: The breaker's state after it has counted ``evidence_of``.
        now: Epoch seconds.
        roll: A random number in [0, 1) that spreads the next tries.
    """
    if isinstance(error, GrantDead):
        return _on_refusal(error, row, breaker, now, roll)
    if isinstance(error, Misconfigured) and (error.client_level or breaker.open):
        return held_back(error.code, _kind_of(error), error.fault)
    return later(error.code, row, roll, kind=_kind_of(error), fault=error.fault, asked=error.retry_after)


def _on_refusal(error: GrantDead, row: Account, breaker: BreakerState, now: int, roll: float) -> Verdict:
    first = _refused_before(error, row)
    look = second_look(row.lifetime)
    if first is None:
        refused = FirstRefusal(now, error.secret_version)
        return Verdict(Do.TRY_LATER, error.code, "GrantRefused", Fault.HUBSPOT, look, refused=refused)
    age = now - first.at
    if age < look:
        return Verdict(Do.TRY_LATER, error.code, "GrantRefused", Fault.HUBSPOT, look - age)
    if not row.may_be_marked(now):
        # The row cannot be marked for up to 14 days, so the wait grows with the refusal's age until then.
        return later(error.code, row, roll, kind="DeathUnproven", asked=min(age, row.unmarkable_for(now)))
    proved = breaker.proves(first)
    if row.status is Status.ACTIVE and breaker.suspicious and not proved and age < HOLD_SECONDS:
        return later(error.code, row, roll, kind="DeathSuspended")
    # A mark is final only if a success with the same secret lies between two refusals. ``refusal_proved`` says that an
    # earlier try has already seen such a success, so this refusal came after it.
    final = row.refusal_proved and age >= 2 * row.lifetime
    wait = recheck(row.lifetime, age)
    return Verdict(Do.MARK_DEAD, error.code, "GrantDead", Fault.HUBSPOT, wait, proved=proved, final=final)


def _refused_before(error: GrantDead, row: Account) -> FirstRefusal | None:
    """The row's first refusal, if its call was sent with the same client secret as the call refused now."""
    first = row.first_refusal
    return first if first and first.secret_version == error.secret_version else None


def unproven(error: HubSpotError, row: Account, roll: float) -> Verdict:
    """Try later, because the breaker or the mark could not be written."""
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
    """Back off: longer with each failed try in a row, and for at least ``asked`` seconds."""
    return Verdict(Do.TRY_LATER, code, kind, fault, max(backoff(row.attempts, roll), asked or 0))


def held_back(code: str, kind: str, fault: Fault) -> Verdict:
    """Keep the account's due time and end the batch, because the account is not the cause."""
    return Verdict(Do.LET_GO, code, kind, fault, BACKOFF_FIRST_SECONDS, stop=True)


#: HubSpot was not called, because its slowest answer could come after the end of the lease or the function.
OUT_OF_TIME = Verdict(Do.LET_GO, "out_of_time", None, Fault.AWS, 1)
