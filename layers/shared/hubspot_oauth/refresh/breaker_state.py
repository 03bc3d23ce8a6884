"""The breaker's values: the evidence it counts, its item, and the limits at which it opens or puts off marks.

The time of an answer is the time its call was sent. All times are in epoch seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hubspot_oauth.domain.account import FirstRefusal
from hubspot_oauth.domain.call_timeouts import CLOCK_SKEW_SECONDS
from hubspot_oauth.domain.versions import known_fields

WATCH_SECONDS = 600
UNLISTED_ACCOUNTS = 5
SUSPICIOUS_GRANTS = 10


class Evidence(StrEnum):
    """The kinds of failed refresh that the breaker counts."""

    CLIENT = "client"
    UNLISTED = "unlisted"
    FIRST_REFUSAL = "first_refusal"
    REFUSAL = "refusal"


class Reason(StrEnum):
    """What opened the breaker."""

    CLIENT = "client"
    UNLISTED = "unlisted"


@dataclass(frozen=True, slots=True)
class BreakerState:
    """The breaker's item.

    Attributes:
        open: Why the breaker is open, or None.
        changed_at: When the breaker last opened or closed.
        changed_by: A random name of the write that did it.
        unlisted: The accounts that got an unlisted answer since the last success.
        unlisted_at: The time of the first of these answers.
        refused: The number of grants whose first refusal came after the last success.
        refused_since: The time of the first refusal since the last success.
        refused_at: The time of the last refusal.
        proved_at: The time of the last success that a process has written.
        proved_with: The version of the client secret that this success was sent with.
        recheck_since: The dispatcher must make due every account that was marked dead since then.
    """

    open: Reason | None = None
    changed_at: int = 0
    changed_by: str = ""
    unlisted: frozenset[int] = frozenset()
    unlisted_at: int | None = None
    refused: int = 0
    refused_since: int | None = None
    refused_at: int | None = None
    proved_at: int = 0
    proved_with: str = ""
    recheck_since: int | None = None

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> "BreakerState":
        """Read the state from the breaker's item, given as plain values; an empty item is a closed breaker."""
        open_by = {"open": Reason(item["opened_by"])} if "opened_by" in item else {}
        unlisted = frozenset(int(hub_id) for hub_id in item.get("unlisted", ()))
        return cls(**{**known_fields(cls, item), **open_by, "unlisted": unlisted})

    def wants_successes(self, now: float) -> bool:
        """Whether processes must write their successes, because failures are being counted or the breaker is open."""
        refusing = self.refused_at is not None and now - self.refused_at <= WATCH_SECONDS
        return bool(self.open or self.unlisted or refusing)

    def proves(self, refusal: FirstRefusal) -> bool:
        """Whether the client secret of a refused call has worked since, so that the refusal concerns the grant.

        The two times may come from two clocks.
        """
        return self.proved_with == refusal.secret_version and self.proved_at > refusal.at + CLOCK_SKEW_SECONDS

    @property
    def suspicious(self) -> bool:
        """Whether at least ``SUSPICIOUS_GRANTS`` grants were refused since the last success.

        So many uninstalls at once are unlikely; a misconfiguration is the likelier cause.
        """
        return self.refused >= SUSPICIOUS_GRANTS
