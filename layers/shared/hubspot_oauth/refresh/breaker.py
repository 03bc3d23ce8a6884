"""The circuit breaker: one item in the Scratch table that keeps a misconfiguration from looking like uninstalls.

While it is open, the dispatcher lets one account a tick through as a test. Three reasons open it:

``client``    HubSpot refused the client id or secret once.
``unlisted``  Five different accounts got another ``Misconfigured`` answer, with no success in between. Most of these
              answers carry a code that HubSpot does not document.
``deaths``    In a window of ten minutes at least ten dead grants were counted, and they are more than 5 % of all dead
              grants and successes in it. A breaker that deaths opened lets no account be marked.

A success closes it. A dead grant proves that HubSpot knows the client, so it closes the breaker too, unless deaths
opened it. A call that was sent before the breaker last opened or closed changes nothing.

Each process counts its successes in memory, so a healthy fleet writes nothing here. It writes them before it counts an
unlisted answer or a dead grant, and when ``BreakerState.watched`` asks for them.
"""

from typing import TYPE_CHECKING, Any

from hubspot_oauth.adapters.aws import AWS_ERRORS, is_transient
from hubspot_oauth.adapters.dynamodb import plain, typed, update
from hubspot_oauth.adapters.telemetry import Report
from hubspot_oauth.domain.clocks import Clock
from hubspot_oauth.refresh.breaker_state import (
    UNLISTED_ACCOUNTS,
    WINDOW_SECONDS,
    BreakerState,
    Evidence,
    Reason,
    Standing,
)
from hubspot_oauth.refresh.successes import Successes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEY = {"pk": "breaker"}
_CLOSED = "attribute_not_exists(opened_by)"
_NEWS = "(attribute_not_exists(changed_at) OR changed_at <= :sent)"


class Breaker:
    """Reads and changes the breaker's item. ``sent_at`` is the time the call to HubSpot was sent, in epoch seconds.

    Args:
        dynamodb: A DynamoDB client.
        table: The Scratch table's name.
        report: Counts each opening and each closing once.
        clock: Epoch seconds.
    """

    def __init__(self, dynamodb: "DynamoDBClient", table: str, report: Report, clock: Clock) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._report = report
        self._clock = clock
        self._successes = Successes(clock)

    def state(self) -> BreakerState:
        """Read the breaker's state (a consistent read)."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=typed(_KEY), ConsistentRead=True)
        return BreakerState.of(plain(answer.get("Item", {})))

    def tell(self, evidence: Evidence | None, hub_id: int, sent_at: int) -> Standing:
        """Count a failed refresh, and return the standing afterwards. Without evidence nothing is read or written."""
        if evidence is Evidence.CLIENT:
            self._open(Reason.CLIENT, sent_at)
            return Standing(open=True)
        if evidence is Evidence.UNLISTED:
            return Standing(open=self._unlisted(hub_id, sent_at))
        if evidence is Evidence.DEATH:
            return Standing(may_mark=self._death(sent_at))
        return Standing()

    def succeeded(self, sent_at: int) -> None:
        """Count a success in memory; ``bring_in_successes`` writes it."""
        self._successes.add(sent_at)

    def bring_in_successes(self) -> None:
        """Write the successes counted since the last call; after a transient AWS error they wait for the next call.

        Successes older than a window are dropped. A success ends a run of bad answers only if it was sent after the run
        began, because an earlier one proves nothing about today's credentials.
        """
        successes = self._successes.take()
        if not successes:
            return
        try:
            self._bring_in(successes.total(), max(successes))
        except AWS_ERRORS as error:
            if not is_transient(error):
                raise
            self._successes.put_back(successes)

    def revived(self, since: int) -> None:
        """Record that all accounts marked dead since ``since`` are due again, so that the dispatcher stops reviving."""
        self._update("REMOVE revive_since", "revive_since = :since", {":since": since})

    def _unlisted(self, hub_id: int, sent_at: int) -> bool:
        """Count the account's unlisted answer; return whether the breaker is open now."""
        self.bring_in_successes()
        change = "SET unlisted_at = if_not_exists(unlisted_at, :sent) ADD unlisted :who"
        state, counted = self._count(change, {":who": {hub_id}}, sent_at)
        if counted and len(state.unlisted) >= UNLISTED_ACCOUNTS:
            self._open(Reason.UNLISTED, sent_at)
            return True
        return state.open is not None

    def _death(self, sent_at: int) -> bool:
        """Count a dead grant; return whether its account may be marked."""
        self._new_window()
        self.bring_in_successes()
        change = "SET streak_at = if_not_exists(streak_at, :sent) ADD deaths :one"
        state, counted = self._count(change, {":one": 1}, sent_at)
        if counted and state.too_many_deaths:
            self._open(Reason.DEATHS, sent_at)
            return False
        if state.open and state.open is not Reason.DEATHS:
            return self._close(state.open, sent_at)
        return counted

    def _bring_in(self, count: int, sent_at: int) -> None:
        state, counted = self._count("ADD successes :count", {":count": count}, sent_at)
        if not counted and state.open:
            self._close(state.open, sent_at)
        if counted and state.unlisted_at is not None:
            self._end_run("unlisted_at, unlisted", "unlisted_at <= :sent", sent_at)
        if counted and state.streak_at is not None:
            # Strict <: a success in the first death's own second must not end the run, or its account stays marked.
            self._end_run("streak_at", "streak_at < :sent", sent_at)

    def _end_run(self, attributes: str, began: str, sent_at: int) -> None:
        """End a run of bad answers if it began before the success was sent."""
        self._update(f"REMOVE {attributes}", f"{_CLOSED} AND {began}", {":sent": sent_at})

    def _open(self, reason: Reason, sent_at: int) -> None:
        values = {":reason": reason, ":now": self._now(), ":sent": sent_at}
        _, opened = self._update("SET opened_by = :reason, changed_at = :now", f"{_CLOSED} AND {_NEWS}", values)
        if opened:
            self._report("BreakerOpened", reason=str(reason))

    def _close(self, reason: Reason, sent_at: int) -> bool:
        # The misconfiguration caused the deaths since the last success, so the accounts marked since then are revived.
        # Older marks stay, because the success after them proves that the credentials were good. A success just before
        # the opening removes ``streak_at``. Then ``changed_at``, the time of the opening, takes its place, and no
        # account is revived, because none is marked after the opening.
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
            f"{_CLOSED} AND (attribute_not_exists(window_at) OR window_at < :old)",
            {":now": now, ":zero": 0, ":old": now - WINDOW_SECONDS},
        )

    def _count(self, change: str, values: dict[str, Any], sent_at: int) -> tuple[BreakerState, bool]:
        return self._update(change, f"{_CLOSED} AND {_NEWS}", {**values, ":sent": sent_at})

    def _update(self, change: str, condition: str, values: dict[str, Any]) -> tuple[BreakerState, bool]:
        """Return the state after the update and True, or the unchanged state and False if the condition fails."""
        item, done = update(self._dynamodb, self._table, _KEY, change, condition, values, returns="ALL_NEW")
        return BreakerState.of(item), done

    def _now(self) -> int:
        return int(self._clock())
