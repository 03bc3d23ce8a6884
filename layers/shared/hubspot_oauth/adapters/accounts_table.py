"""The Accounts table: every write is one conditional update, and this module alone knows the conditions.

The protocol, whoever refreshes::

    lease_*    due, or active and as seen; nobody holds it   -> the whole row, attempts + 1
               ... or its holder has vanished                -> the same, and unclean since now
    commit     install_id and version unchanged              -> version + 1, active, lease gone
    try_later  I hold the lease                              -> due again at refresh_at, lease gone
    let_go     I hold the lease                              -> as due as it was, attempts - 1, lease gone
    mark_dead  I hold the lease, and no vanished holder's    -> out of the due index, lease gone, tokens kept
               answer may still be on its way
    revive     marked dead                                   -> active, due now
    leave      there is a row                                -> disconnecting, version + 1, lease gone
    forget     install_id unchanged                          -> no row
    install    no install whose code was sent later; linked  -> a new install_id, version 1, the reference
               to nobody, or to the same reference
    _link      linked to nobody, or to the same reference    -> the reference of an install that came too late

Whatever makes a new version also ends the lease, so a holder that still finds its name there knows that nothing moved.
A late answer may carry the only living refresh token, so a commit does not ask who holds the lease, and undoes a mark.
An install gets a new ``install_id``, so nothing made for an earlier install can touch a later one. No condition here is
more than it must be: ``tests/model`` explores what three holders can do, and finds a fault when any one is taken out.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from hubspot_oauth.adapters.dynamodb import account_from, delete, names, plain, typed, update
from hubspot_oauth.domain import timing
from hubspot_oauth.domain.models import Account, Binding, Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHARDS = 8
_FREE = "attribute_not_exists(lease_owner)"
_SAME = "install_id = :install_id AND version = :version"
_MINE = "lease_owner = :owner"
_GONE = "lease_owner = :gone"
_LEASE = "lease_owner, lease_until"


_Condition = tuple[str, dict[str, Any]]  # and the values that it names


class AlreadyLinked(Exception):
    """The account belongs to another client_reference_id."""


@dataclass(frozen=True, slots=True)
class NewInstall:
    """What an install stores. ``sent_at_ms`` is when the exchange was first sent: of two installs the later wins."""

    hub_id: int
    install_id: str
    sealed: bytes = field(repr=False)
    scopes: tuple[str, ...]
    issued_at: int
    expires_at: int
    refresh_at: int
    binding: Binding
    sent_at_ms: int
    client_reference_id: str | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """An account that the index calls due."""

    hub_id: int
    refresh_at: int


@dataclass(frozen=True, slots=True)
class Renewal:
    """New sealed tokens for the row that had ``install_id`` and ``version``."""

    hub_id: int
    install_id: str
    version: int
    sealed: bytes = field(repr=False)
    scopes: tuple[str, ...]
    issued_at: int
    expires_at: int
    refresh_at: int


class Accounts:
    """The accounts of one app.

    Args:
        dynamodb: A DynamoDB client.
        table: The table's name.
    """

    def __init__(self, dynamodb: "DynamoDBClient", table: str, shard: Callable[[], int] | None = None) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._shard = shard or (lambda: random.randrange(SHARDS))  # noqa: S311 - spreads load, hides nothing

    def get(self, hub_id: int) -> Account | None:
        """The account as it is now (a consistent read), or None."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=typed({"hub_id": hub_id}), ConsistentRead=True)
        return account_from(plain(answer["Item"])) if "Item" in answer else None

    def install(self, new: NewInstall, now: int) -> Account | None:
        """Store a new grant, whatever was there; what was there before, or None.

        Raises:
            AlreadyLinked: The account is linked to another reference; nothing was written.
        """
        values: dict[str, Any] = {
            ":install_id": new.install_id,
            ":one": 1,
            ":status": Status.ACTIVE,
            ":sealed": new.sealed,
            ":scopes": " ".join(new.scopes),
            ":issued_at": new.issued_at,
            ":expires_at": new.expires_at,
            ":refresh_at": new.refresh_at,
            ":shard": self._shard(),
            ":binding": new.binding,
            ":sent": new.sent_at_ms,
            ":now": now,
        }
        condition = "(attribute_not_exists(sent_at_ms) OR sent_at_ms <= :sent)"
        linked = ""
        if new.client_reference_id:
            values[":reference"] = new.client_reference_id
            condition += " AND (attribute_not_exists(client_reference_id) OR client_reference_id = :reference)"
            linked = ", client_reference_id = :reference"
        change = (
            "SET install_id = :install_id, version = :one, #status = :status, status_at = :now, sealed = :sealed,"
            " scopes = :scopes, issued_at = :issued_at, expires_at = :expires_at, refresh_at = :refresh_at,"
            " refresh_shard = :shard, binding = :binding, sent_at_ms = :sent, installed_at = :now"
            f"{linked} REMOVE {_LEASE}, attempts, unclean_since, dead_code"
        )
        before, done = self._update(new.hub_id, change, condition, values, returns="ALL_OLD")
        if done:
            return account_from(before) if before else None
        # An install whose code was sent later is stored already, or the account is linked to somebody else.
        if new.client_reference_id and not self._link(new.hub_id, new.client_reference_id):
            raise AlreadyLinked
        return account_from(before)

    def lease_due(self, hub_id: int, owner: str, now: int) -> Account | None:
        """Take the right to refresh for the schedule: the row, or None when it is not due or someone holds it."""
        due, when = "refresh_at <= :now", {":now": now}  # what is due is active: a row that is not has no refresh_at
        return self._lease(hub_id, owner, now, (f"{due} AND {_FREE}", when), (f"{due} AND {_GONE}", when), patient=True)

    def lease_seen(self, seen: Account, owner: str, now: int) -> Account | None:
        """Take the right to refresh for a reader who saw this row: the row, or None when it moved on or is held."""
        same = f"{_SAME} AND #status = :active AND {_FREE}", {**_identity(seen), ":active": Status.ACTIVE}
        return self._lease(seen.hub_id, owner, now, same, (_GONE, {}), patient=False)

    def commit(self, renewal: Renewal) -> bool:
        """Store new tokens over the version they were made from; False when the row has moved on.

        A row marked dead at this very version is undone: the answer in hand proves that its grant lives.
        """
        change = (
            "SET version = :next, #status = :active, sealed = :sealed, scopes = :scopes, issued_at = :issued_at,"
            " expires_at = :expires_at, refresh_at = :refresh_at, refresh_shard = :shard"
            f" REMOVE {_LEASE}, attempts, unclean_since, dead_code"
        )
        values = {
            **_identity(renewal),
            ":next": renewal.version + 1,
            ":active": Status.ACTIVE,
            ":sealed": renewal.sealed,
            ":scopes": " ".join(renewal.scopes),
            ":issued_at": renewal.issued_at,
            ":expires_at": renewal.expires_at,
            ":refresh_at": renewal.refresh_at,
            ":shard": self._shard(),
        }
        _, done = self._update(renewal.hub_id, change, _SAME, values, returns="NONE")
        return done

    def try_later(self, leased: Account, refresh_at: int) -> bool:
        """Let go of the lease; the row is due at ``refresh_at``."""
        return self._settle(leased, "SET refresh_at = :refresh_at", {":refresh_at": refresh_at})

    def let_go(self, leased: Account) -> bool:
        """Let go of the lease without having asked HubSpot; the row stays as due as it was."""
        return self._settle(leased, "SET attempts = :attempts", {":attempts": max(0, leased.attempts - 1)})

    def mark_dead(self, leased: Account, code: str, now: int) -> bool:
        """Take the account out of the schedule; False when the row moved on or an answer may still be on its way."""
        if not leased.may_be_marked(now):
            return False
        _, done = self._update(
            leased.hub_id,
            f"SET #status = :dead, status_at = :now, dead_code = :code REMOVE refresh_at, refresh_shard, {_LEASE}",
            _MINE,
            {":dead": Status.NEEDS_REINSTALL, ":now": now, ":code": code, ":owner": leased.lease_owner},
            returns="NONE",
        )
        return done

    def leave(self, hub_id: int, now: int) -> Account | None:
        """Begin to disconnect: out of every schedule, and whatever a holder has under way will not fit the new version.

        The row as it is now, or None when there is none. May be repeated.
        """
        row, done = self._update(
            hub_id,
            "SET #status = :leaving, status_at = :now, version = version + :one"
            f" REMOVE refresh_at, refresh_shard, {_LEASE}, attempts, unclean_since",
            "attribute_exists(hub_id)",
            {":leaving": Status.DISCONNECTING, ":now": now, ":one": 1},
            returns="ALL_NEW",
        )
        return account_from(row) if done else None

    def forget(self, leaving: Account) -> bool:
        """Delete the row that ``leave`` gave; False when the app was installed again in between."""
        values = {":install_id": leaving.install_id}
        return delete(self._dynamodb, self._table, {"hub_id": leaving.hub_id}, "install_id = :install_id", values)

    def due(self, shard: int, now: int) -> Iterator[Due]:
        """Who is due in one shard, the longest overdue first, page by page, possibly a little stale."""
        rows = self._query("due", "refresh_shard = :shard AND refresh_at <= :now", {":shard": shard, ":now": now})
        yield from (Due(row["hub_id"], row["refresh_at"]) for row in rows)

    def marked_since(self, since: int) -> Iterator[int]:
        """The hub_ids marked as needing a re-install since then."""
        wanted = "#status = :dead AND status_at >= :since"
        values = {":dead": Status.NEEDS_REINSTALL, ":since": since}
        yield from (row["hub_id"] for row in self._query("by_status", wanted, values))

    def revive(self, hub_id: int, now: int) -> bool:
        """Make an account that was marked dead due again: the mark was a misconfiguration's."""
        _, done = self._update(
            hub_id,
            "SET #status = :active, status_at = :now, refresh_at = :now, refresh_shard = :shard REMOVE dead_code",
            "#status = :dead",
            {":active": Status.ACTIVE, ":dead": Status.NEEDS_REINSTALL, ":now": now, ":shard": self._shard()},
            returns="NONE",
        )
        return done

    def _query(self, index: str, wanted: str, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
        request: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": index,
            "KeyConditionExpression": wanted,
            "ExpressionAttributeValues": typed(values),
            **names(wanted),
        }
        pages = self._dynamodb.get_paginator("query").paginate(**request)
        for page in pages:
            yield from map(plain, page["Items"])

    def _lease(
        self, hub_id: int, owner: str, now: int, free: _Condition, gone: _Condition, *, patient: bool
    ) -> Account | None:
        """Take a lease that nobody has (``free``), else take over one whose holder vanished (``gone``)."""
        take = "SET lease_owner = :owner, lease_until = :until, attempts = if_not_exists(attempts, :zero) + :one"
        lease = {":owner": owner, ":until": now + timing.LEASE_SECONDS, ":zero": 0, ":one": 1}
        condition, values = free
        row, done = self._update(hub_id, take, condition, {**values, **lease}, returns="ALL_NEW")
        if done:
            return account_from(row)
        held = account_from(row) if row else None
        if held and held.lease_owner == owner:
            return held  # ours already: the SDK tried again after an answer that was lost on its way
        if held is None or not _orphaned(held, now, patient=patient):
            return None
        # The holder vanished. Its answer may still be on its way: remember since when, so nobody marks this row dead.
        condition, values = gone
        values = {**values, **lease, ":gone": held.lease_owner, ":unclean": now}
        row, done = self._update(hub_id, f"{take}, unclean_since = :unclean", condition, values, returns="ALL_NEW")
        return account_from(row) if done or row.get("lease_owner") == owner else None

    def _link(self, hub_id: int, client_reference_id: str) -> bool:
        """Say whose account it is, unless it is another's. Proved by an install, even by one that came too late."""
        _, done = self._update(
            hub_id,
            "SET client_reference_id = :reference",
            "attribute_exists(hub_id) AND"
            " (attribute_not_exists(client_reference_id) OR client_reference_id = :reference)",
            {":reference": client_reference_id},
            returns="NONE",
        )
        return done

    def _settle(self, leased: Account, change: str, values: dict[str, Any]) -> bool:
        values = {**values, ":owner": leased.lease_owner}
        _, done = self._update(leased.hub_id, f"{change} REMOVE {_LEASE}", _MINE, values, returns="NONE")
        return done

    def _update(
        self,
        hub_id: int,
        change: str,
        condition: str,
        values: dict[str, Any],
        *,
        returns: Literal["NONE", "ALL_OLD", "ALL_NEW"],
    ) -> tuple[dict[str, Any], bool]:
        return update(self._dynamodb, self._table, {"hub_id": hub_id}, change, condition, values, returns=returns)


def _identity(row: Account | Renewal) -> dict[str, Any]:
    return {":install_id": row.install_id, ":version": row.version}


def _orphaned(row: Account, now: int, *, patient: bool) -> bool:
    if row.lease_until is None or row.lease_until > now:
        return False
    return not patient or now >= row.lease_until + timing.orphan_wait(row.attempts)
