"""The breaker's values: the evidence it counts, its standing, its item, and the limits at which it opens."""

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
    """The kinds of failed refresh that the breaker counts."""

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
    """What the breaker says after it has counted a failed refresh.

    Attributes:
        open: Whether the breaker is open. Set only for the evidence ``CLIENT`` and ``UNLISTED``.
        may_mark: Whether the account may be marked dead. Set only for the evidence ``DEATH``.
    """

    open: bool = False
    may_mark: bool = True


@dataclass(frozen=True, slots=True)
class BreakerState:
    """The breaker's item.

    Attributes:
        open: Why the breaker is open, or None.
        changed_at: When the breaker last opened or closed. All times are in epoch seconds.
        window_at: When the current counting window began.
        deaths: Dead grants in the window.
        successes: Successes in the window, as far as processes have written them.
        unlisted: The accounts that got an unlisted answer since the last success.
        unlisted_at: The time of the first of these answers; as everywhere, the time its call was sent.
        streak_at: The time of the first dead grant since the last success.
        revive_since: The dispatcher must revive the accounts marked dead since then. Set when the breaker closes after
            deaths opened it.
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
        """Read the state from the breaker's item, given as plain values; an empty item is a closed breaker."""
        open_by = {"open": Reason(item["opened_by"])} if "opened_by" in item else {}
        unlisted = frozenset(int(hub_id) for hub_id in item.get("unlisted", ()))
        return cls(**{**known_fields(cls, item), **open_by, "unlisted": unlisted})

    def watched(self, now: float) -> bool:
        """Whether processes must write their successes, because failures are being counted or the breaker is open."""
        counting = self.deaths > 0 and now - self.window_at <= WINDOW_SECONDS
        return bool(self.open or self.unlisted or counting)

    @property
    def too_many_deaths(self) -> bool:
        """Whether the window has so many deaths that a misconfiguration is likelier than that many uninstalls."""
        return self.deaths >= DEATHS_LEAST and self.deaths > DEATHS_SHARE * (self.deaths + self.successes)
