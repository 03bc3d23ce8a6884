"""The circuit breaker: one item in the Scratch table that keeps a misconfiguration from looking like uninstalls.

It opens in three ways, and while it is open one account a tick is let through to try:

``client``    HubSpot refused the client id or secret: at once.
``unlisted``  five different accounts met an answer that is about no grant and not about the client alone, most of them
              listed nowhere, with no success between.
``deaths``    more than 5 % of the answers of ten minutes, and at least ten, were dead grants. Marking is suspended.

A success closes it. So does a dead grant, which proves that the client is known, unless deaths opened it. A report
about a call that was sent before the last change is ignored.

Successes cost no write while nothing is counted: each process counts its own, and brings them in before it reports
anything bad, or when it is told that something is being counted.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from hubspot_oauth.adapters.aws import AWS_ERRORS, is_transient
from hubspot_oauth.adapters.dynamodb import plain, typed, update
from hubspot_oauth.adapters.telemetry import Report

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WINDOW_SECONDS = 600
UNLISTED_ACCOUNTS = 5
DEATHS_LEAST = 10
DEATHS_SHARE = 0.05
_KEY = {"pk": "breaker"}
_NEWS = "(attribute_not_exists(changed_at) OR changed_at <= :sent)"


class Reason(StrEnum):
    """What opened the breaker."""

    CLIENT = "client"
    UNLISTED = "unlisted"
    DEATHS = "deaths"


@dataclass(frozen=True, slots=True)
class BreakerState:
    """The breaker as it stands.

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

    def watched(self, now: float) -> bool:
        """Whether successes must be reported: something is being counted, or the breaker is open."""
        counting = self.deaths > 0 and now - self.window_at <= WINDOW_SECONDS
        return bool(self.open or self.unlisted or counting)

    @property
    def too_many_deaths(self) -> bool:
        """Whether the window's deaths look like ours rather than theirs."""
        return self.deaths >= DEATHS_LEAST and self.deaths > DEATHS_SHARE * (self.deaths + self.successes)


class Breaker:
    """Reads and moves the breaker. ``sent_at`` is always when the call in question was sent, epoch seconds.

    Args:
        dynamodb: A DynamoDB client.
        table: The Scratch table's name.
        report: Told once of each opening and closing.
        clock: Epoch seconds.
    """

    def __init__(self, dynamodb: "DynamoDBClient", table: str, report: Report, clock: Callable[[], float]) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._report = report
        self._clock = clock
        self._lock = threading.Lock()
        self._successes: Counter[int] = Counter()  # of this process, not brought in yet, by the second they were sent

    def state(self) -> BreakerState:
        """The breaker as it stands (a consistent read)."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=typed(_KEY), ConsistentRead=True)
        return _state(plain(answer.get("Item", {})))

    def client_refused(self, sent_at: int) -> None:
        """HubSpot refused the client id or secret."""
        self._open(Reason.CLIENT, sent_at)

    def unlisted(self, hub_id: int, sent_at: int) -> bool:
        """An account met an answer that nobody has listed; whether the breaker is open now."""
        self.bring_in_successes()
        state, counted = self._count(
            "SET unlisted_at = if_not_exists(unlisted_at, :sent) ADD unlisted :who", {":who": {hub_id}}, sent_at
        )
        if counted and len(state.unlisted) >= UNLISTED_ACCOUNTS:
            self._open(Reason.UNLISTED, sent_at)
            return True
        return state.open is not None

    def death(self, sent_at: int) -> bool:
        """A grant looks dead; whether it may be marked so."""
        self._new_window()
        self.bring_in_successes()
        state, counted = self._count(
            "SET streak_at = if_not_exists(streak_at, :sent) ADD deaths :one", {":one": 1}, sent_at
        )
        if counted and state.too_many_deaths:
            self._open(Reason.DEATHS, sent_at)
            return False
        if state.open and state.open is not Reason.DEATHS:
            return self._close(state.open, sent_at)
        return counted

    def succeeded(self, sent_at: int) -> None:
        """A refresh succeeded. Nothing is written before ``bring_in_successes``."""
        with self._lock:
            self._successes[sent_at] += 1
            if len(self._successes) > 2 * WINDOW_SECONDS:
                self._successes = self._recent(self._successes)

    def bring_in_successes(self) -> None:
        """Write down what ``succeeded`` has counted since the last time, if anything; what is not taken waits on.

        Only successes of the last window count, and only those sent after a run of bad answers began end that run: old
        ones prove nothing about today's credentials.
        """
        with self._lock:
            successes, self._successes = self._recent(self._successes), Counter()
        if not successes:
            return
        try:
            self._bring_in(successes.total(), max(successes))
        except AWS_ERRORS as error:
            if not is_transient(error):
                raise
            with self._lock:
                self._successes += successes

    def _bring_in(self, count: int, sent_at: int) -> None:
        state, counted = self._count("ADD successes :count", {":count": count}, sent_at)
        if not counted and state.open:
            self._close(state.open, sent_at)
        if counted and state.unlisted_at is not None:
            self._end_run("unlisted_at, unlisted", "unlisted_at <= :sent", sent_at)
        if counted and state.streak_at is not None:  # strictly: of one second, the deaths are to be revived
            self._end_run("streak_at", "streak_at < :sent", sent_at)

    def _end_run(self, attributes: str, began: str, sent_at: int) -> None:
        """A success that was sent after a run of bad answers began ends it."""
        self._update(f"REMOVE {attributes}", f"attribute_not_exists(opened_by) AND {began}", {":sent": sent_at})

    def _recent(self, successes: Counter[int]) -> Counter[int]:
        since = self._now() - WINDOW_SECONDS
        return Counter({second: count for second, count in successes.items() if second > since})

    def revived(self, since: int) -> None:
        """The accounts marked dead since ``since`` are due again."""
        self._update("REMOVE revive_since", "revive_since = :since", {":since": since})

    def _open(self, reason: Reason, sent_at: int) -> None:
        _, opened = self._update(
            "SET opened_by = :reason, changed_at = :now",
            f"attribute_not_exists(opened_by) AND {_NEWS}",
            {":reason": reason, ":now": self._now(), ":sent": sent_at},
        )
        if opened:
            self._report("BreakerOpened", reason=str(reason))

    def _close(self, reason: Reason, sent_at: int) -> bool:
        # Deaths in a row up to the opening, with no success between, were a misconfiguration: they are revived. Marks
        # that a success came after stay: the credentials were good then. Without a streak (a success came between the
        # last death and the opening) there is nobody to revive: nobody is marked from the opening on.
        revive = ", revive_since = if_not_exists(streak_at, changed_at)" if reason is Reason.DEATHS else ""
        _, closed = self._update(
            f"SET changed_at = :now, window_at = :now, deaths = :zero, successes = :zero{revive}"
            " REMOVE opened_by, unlisted, unlisted_at, streak_at",
            f"opened_by = :reason AND {_NEWS}",
            {":now": self._now(), ":sent": sent_at, ":reason": reason, ":zero": 0},
        )
        if closed:
            self._report("BreakerClosed", reason=str(reason))
        return closed

    def _new_window(self) -> None:
        now = self._now()
        self._update(
            "SET window_at = :now, deaths = :zero, successes = :zero",
            "attribute_not_exists(opened_by) AND (attribute_not_exists(window_at) OR window_at < :old)",
            {":now": now, ":zero": 0, ":old": now - WINDOW_SECONDS},
        )

    def _count(self, change: str, values: dict[str, Any], sent_at: int) -> tuple[BreakerState, bool]:
        return self._update(change, f"attribute_not_exists(opened_by) AND {_NEWS}", {**values, ":sent": sent_at})

    def _update(self, change: str, condition: str, values: dict[str, Any]) -> tuple[BreakerState, bool]:
        """The breaker after the update and True, or as it is and False when the condition fails."""
        row, done = update(self._dynamodb, self._table, _KEY, change, condition, values, returns="ALL_NEW")
        return _state(row), done

    def _now(self) -> int:
        return int(self._clock())


def _state(row: Mapping[str, Any]) -> BreakerState:
    return BreakerState(
        open=Reason(row["opened_by"]) if "opened_by" in row else None,
        changed_at=row.get("changed_at", 0),
        window_at=row.get("window_at", 0),
        deaths=row.get("deaths", 0),
        successes=row.get("successes", 0),
        unlisted=frozenset(int(hub_id) for hub_id in row.get("unlisted", ())),
        unlisted_at=row.get("unlisted_at"),
        streak_at=row.get("streak_at"),
        revive_since=row.get("revive_since"),
    )
