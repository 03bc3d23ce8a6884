"""When a token is refreshed, and how long to wait after a failed try.

Nothing here is a fixed number of minutes: HubSpot's ``expires_in`` is obeyed, whatever it says.
"""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]  # epoch seconds by the wall clock
Monotonic = Callable[[], float]  # seconds that never go back
Sleep = Callable[[float], None]
Roll = Callable[[], float]  # a random number in [0, 1)
Remaining = Callable[[], float]  # seconds this invocation may still run

BACKOFF_FIRST_SECONDS = 5
BACKOFF_MOST_SECONDS = 300
JITTER_SHARE = 0.1
YOUNG_SECONDS = 60
YOUNG_SHARE = 0.1
DEFAULT_MIN_TTL_SECONDS = 60


def margin(lifetime: float, percent: int) -> float:
    """How long before expiry a token is due: ``percent`` of its lifetime, in seconds."""
    return lifetime * percent / 100


def refresh_at(issued_at: int, lifetime: int, percent: int, roll: float) -> int:
    """The time a token issued at ``issued_at`` is due.

    Args:
        issued_at: Epoch seconds.
        lifetime: Seconds, HubSpot's ``expires_in``.
        percent: The margin's share of the lifetime.
        roll: A random number in [0, 1) that spreads accounts installed or refreshed together.
    """
    ahead = margin(lifetime, percent) + lifetime * JITTER_SHARE * roll
    return issued_at + max(0, int(lifetime - ahead))


def backoff(attempts: int, roll: float) -> float:
    """Seconds to wait after ``attempts`` tries in a row came to nothing, between half and the whole step."""
    step = min(BACKOFF_MOST_SECONDS, BACKOFF_FIRST_SECONDS * 2.0 ** max(0, min(attempts, 16) - 1))
    return step * (0.5 + roll / 2)


def orphan_wait(attempts: int) -> float:
    """Seconds the schedule leaves a row alone after an orphaned lease ran out.

    The first orphaned lease costs nothing more than itself; a row that keeps killing its lease owner waits longer each
    time.
    """
    if attempts <= 1:
        return 0
    return min(BACKOFF_MOST_SECONDS, BACKOFF_FIRST_SECONDS * 2.0 ** min(attempts, 16))


def recent(since: float, now: float, seconds: float) -> bool:
    """Whether less than ``seconds`` have passed by the wall clock; False for a moment that lies ahead.

    What a container remembers is aged by the wall clock: its monotonic clock may stand still while it is frozen.
    """
    return 0 <= now - since < seconds


def young(age: float, lifetime: float) -> bool:
    """Whether a token is too fresh to be refreshed on request."""
    return age < min(YOUNG_SECONDS, lifetime * YOUNG_SHARE)


def iso(epoch_seconds: int) -> str:
    """A time as ISO 8601 in UTC."""
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat().replace("+00:00", "Z")
