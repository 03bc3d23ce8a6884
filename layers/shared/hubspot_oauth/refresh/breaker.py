"""The circuit breaker: one item in the Scratch table that keeps a misconfiguration from looking like uninstalls.

While it is open, each run of the dispatcher (a tick, once a minute) queues one due account, as a test. Two reasons open
it:

``client``    HubSpot refused the client id or secret once.
``unlisted``  Five different accounts got another ``Misconfigured`` answer, with no success in between. Most
              of them have a code that HubSpot's documentation does not list, hence the name.

A success closes it. A refused grant proves that HubSpot knows the client, so it closes the breaker too. A call that was
sent before the breaker last opened or closed changes nothing.

Refused grants never open it, because strangers can cause them: anyone may install the app and uninstall it. The item
only counts them. While there are many and no success, ``verdict.py`` does not mark an account dead until three hours
after its first refusal. The next success makes the dispatcher try again the accounts marked meanwhile.

Each process keeps its last success in memory, so nothing is written while all is well. A process writes it before it
counts an unlisted answer or a refusal, and when ``BreakerState.wants_successes`` says so.
"""

import secrets
from typing import TYPE_CHECKING, Any

from hubspot_oauth.adapters.aws import AWS_ERRORS, is_transient
from hubspot_oauth.adapters.dynamodb import plain, typed, update
from hubspot_oauth.adapters.telemetry import Report
from hubspot_oauth.domain.clocks import Clock
from hubspot_oauth.refresh.breaker_state import UNLISTED_ACCOUNTS, BreakerState, Evidence, Reason
from hubspot_oauth.refresh.successes import Successes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEY = {"pk": "breaker"}
_CLOSED = "attribute_not_exists(opened_by)"
_NEWS = "(attribute_not_exists(changed_at) OR changed_at <= :sent)"
_CHANGED = "changed_at = :now, changed_by = :me"


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
        self._successes = Successes()

    def state(self) -> BreakerState:
        """Read the breaker's state (a consistent read)."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=typed(_KEY), ConsistentRead=True)
        return BreakerState.of(plain(answer.get("Item", {})))

    def tell(self, evidence: Evidence | None, hub_id: int, sent_at: int) -> BreakerState:
        """Count a failed refresh, and return the state afterwards.

        Without evidence it reads and writes nothing, and returns an empty state, which counts as closed.
        """
        if evidence is None:
            return BreakerState()
        if evidence is Evidence.CLIENT:
            return self._open(Reason.CLIENT, sent_at)
        self.bring_in_successes()
        if evidence is Evidence.UNLISTED:
            return self._unlisted(hub_id, sent_at)
        return self._refused(sent_at, first=evidence is Evidence.FIRST_REFUSAL)

    def succeeded(self, sent_at: int, secret_version: str) -> None:
        """Keep a success in memory; ``bring_in_successes`` writes it."""
        self._successes.add(secret_version, sent_at)

    def bring_in_successes(self) -> None:
        """Write the last success since the previous call; after a transient AWS error it waits for the next call.

        A success ends a run of bad answers only if it was sent after the run began, because an earlier one proves
        nothing about today's credentials. For unlisted answers a success of the same second is enough: a few odd
        accounts among many healthy ones must not open the breaker.
        """
        for secret_version, sent_at in self._successes.take().items():
            try:
                self._bring_in(secret_version, sent_at)
            except AWS_ERRORS as error:
                if not is_transient(error):
                    raise
                self._successes.add(secret_version, sent_at)

    def rechecked(self, since: int) -> None:
        """Record that the accounts marked since ``since`` were made due, so that the next tick does not repeat it."""
        self._update("REMOVE recheck_since", "recheck_since = :since", {":since": since})

    def _unlisted(self, hub_id: int, sent_at: int) -> BreakerState:
        change = "SET unlisted_at = if_not_exists(unlisted_at, :sent) ADD unlisted :who"
        state, counted = self._count(change, {":who": {hub_id}}, sent_at)
        return self._open(Reason.UNLISTED, sent_at) if counted and len(state.unlisted) >= UNLISTED_ACCOUNTS else state

    def _refused(self, sent_at: int, *, first: bool) -> BreakerState:
        change = "SET refused_at = :sent, refused_since = if_not_exists(refused_since, :sent) ADD refused :first"
        state, _ = self._count(change, {":first": int(first)}, sent_at)
        if state.open:
            self._close(state.open, sent_at)
        return state

    def _bring_in(self, secret_version: str, sent_at: int) -> None:
        change = "SET proved_at = :sent, proved_with = :version"
        state, counted = self._count(change, {":version": secret_version}, sent_at)
        if not counted and state.open:
            self._close(state.open, sent_at)
        if counted and state.unlisted_at is not None:
            self._end_run("REMOVE unlisted_at, unlisted", "unlisted_at <= :sent", sent_at)
        if counted and state.refused_since is not None:
            self._end_run(
                "SET recheck_since = if_not_exists(recheck_since, refused_since) REMOVE refused_since, refused",
                "refused_since < :sent",
                sent_at,
            )

    def _end_run(self, change: str, began: str, sent_at: int) -> None:
        """End a run of bad answers if it began before the success was sent."""
        self._update(change, f"{_CLOSED} AND {began}", {":sent": sent_at})

    def _open(self, reason: Reason, sent_at: int) -> BreakerState:
        change = f"SET opened_by = :reason, {_CHANGED}"
        state, opened = self._change(change, f"{_CLOSED} AND {_NEWS}", reason, sent_at)
        if opened:
            self._report("BreakerOpened", reason=str(reason))
        return state

    def _close(self, reason: Reason, sent_at: int) -> None:
        change = f"SET {_CHANGED} REMOVE opened_by, unlisted, unlisted_at"
        _, closed = self._change(change, f"opened_by = :reason AND {_NEWS}", reason, sent_at)
        if closed:
            self._report("BreakerClosed", reason=str(reason))

    def _change(self, change: str, condition: str, reason: Reason, sent_at: int) -> tuple[BreakerState, bool]:
        """Open or close. If DynamoDB's answer is lost and the SDK repeats the request, ``changed_by`` shows it."""
        values = {":reason": reason, ":now": int(self._clock()), ":me": secrets.token_hex(8), ":sent": sent_at}
        state, done = self._update(change, condition, values)
        return state, done or state.changed_by == values[":me"]

    def _count(self, change: str, values: dict[str, Any], sent_at: int) -> tuple[BreakerState, bool]:
        return self._update(change, f"{_CLOSED} AND {_NEWS}", {**values, ":sent": sent_at})

    def _update(self, change: str, condition: str, values: dict[str, Any]) -> tuple[BreakerState, bool]:
        """Return the state after the update and True, or the unchanged state and False if the condition fails."""
        item, done = update(self._dynamodb, self._table, _KEY, change, condition, values, returns="ALL_NEW")
        return BreakerState.of(item), done
