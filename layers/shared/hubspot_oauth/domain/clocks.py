"""Types for the time and randomness that are handed in; functions that compare and format times."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]  # epoch seconds by the wall clock
Monotonic = Callable[[], float]  # seconds that never go back
Sleep = Callable[[float], None]
Roll = Callable[[], float]  # a random number in [0, 1)
Remaining = Callable[[], float]  # seconds this invocation may still run


def recent(since: float, now: float, seconds: float) -> bool:
    """Whether less than ``seconds`` lie between ``since`` and ``now``; False if ``since`` is in the future.

    Cached values are aged by the wall clock, because the monotonic clock may stop while Lambda freezes the container.
    """
    return 0 <= now - since < seconds


def iso(epoch_seconds: int) -> str:
    """A time as ISO 8601 in UTC."""
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat().replace("+00:00", "Z")
