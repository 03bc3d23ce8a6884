"""The breaker as values: what it is told, how it stands, and when it has seen too much."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hubspot_oauth.domain.versions import known_fields

WINDOW_SECONDS = 600
UNLISTED_ACCOUNTS = 5
DEATHS_LEAST = 10
DEATHS_SHARE = 0.05


class Evidence(StrEnum):
    """What the breaker is told of a failed refresh."""

    CLIENT = "client"
    UNLISTED = "unlisted"
    DEATH = "death"


class Reason(StrEnum):
    """What opened the breaker."""

    CLIENT = "client"
    UNLISTED = "unlisted"
    DEATHS = "deaths"


@dataclass(frozen=True, slots=True)
class Standing:
    """The breaker after it was told of a failure.

    Attributes:
        open: Whether refreshes are held back.
        may_mark: Whether a dead grant may be marked as such.
    """

    open: bool = False
    may_mark: bool = True


@dataclass(frozen=True, slots=True)
class BreakerState:
    """The breaker's item.

    Attributes:
        open: Why it is open, or None.
        changed_at: When it last opened or closed, epoch seconds.
        window_at: When the present window of counting began.
        deaths: Dead grants in the window.
        successes: Successes in the window, counted while ``watched``.
        unlisted: The accounts that met an unlisted answer since the last success.
        unlisted_at: When the first of them did.
        streak_at: When the first of the deaths since the last success was met.
        revive_since: After deaths closed it: accounts marked dead since then are to be tried again.
    """

    open: Reason | None = None
    changed_at: int = 0
    window_at: int = 0
    deaths: int = 0
    successes: int = 0
    unlisted: frozenset[int] = frozenset()
    unlisted_at: int | None = None
    streak_at: int | None = None
    revive_since: int | None = None

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> "BreakerState":
        """The state that an item of the Scratch table holds, given as plain values."""
        open_by = {"open": Reason(item["opened_by"])} if "opened_by" in item else {}
        unlisted = frozenset(int(hub_id) for hub_id in item.get("unlisted", ()))
        return cls(**{**known_fields(cls, item), **open_by, "unlisted": unlisted})

    def watched(self, now: float) -> bool:
        """Whether successes must be reported: something is being counted, or the breaker is open."""
        counting = self.deaths > 0 and now - self.window_at <= WINDOW_SECONDS
        return bool(self.open or self.unlisted or counting)

    @property
    def too_many_deaths(self) -> bool:
        """Whether the window's deaths look like ours rather than theirs."""
        return self.deaths >= DEATHS_LEAST and self.deaths > DEATHS_SHARE * (self.deaths + self.successes)
