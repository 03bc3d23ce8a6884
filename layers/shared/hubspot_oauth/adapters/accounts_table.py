"""The Accounts table: every write is one conditional update, and this module alone knows the conditions.

The protocol, whoever refreshes::

    lease_*    due, or active and as seen; no lease          -> the whole row, attempts + 1
               ... or an orphaned lease                      -> the same, and orphaned since now
    commit     install_id and version unchanged              -> version + 1, active, lease gone
    try_later  I own the lease                               -> due again at refresh_at, lease gone
    let_go     I own the lease                               -> as due as it was, attempts - 1, lease gone
    mark_dead  I own the lease, and no orphaned lease's      -> out of the due index, lease gone, tokens kept
               answer may still be on its way
    revive     marked dead                                   -> active, due now
    leave      there is a row                                -> disconnecting, version + 1, lease gone
    forget     install_id unchanged                          -> no row
    install    no install whose code was exchanged later;    -> a new install_id, version 1, the reference
               linked to no customer or the same one
    _link      linked to no customer or the same one         -> the reference of an install that came too late

A lease is orphaned when it ran out and its owner never let go. Each new version also ends the lease, so an owner that
still finds its name there knows that nothing moved. A late answer may carry the only living refresh token, so a commit
does not ask who owns the lease, and it undoes a mark. An install gets a new ``install_id``, so nothing made for an
earlier install can touch a later one. No condition here is more than it must be: ``tests/model`` explores what three
lease owners can do, and finds a fault when any one is taken out.
"""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from hubspot_oauth.adapters.account_rows import account_from
from hubspot_oauth.adapters.dynamodb import delete, plain, typed, update
from hubspot_oauth.domain.account import Account, Grant, GrantKey, NewInstall, Renewal, Status
from hubspot_oauth.domain.deadlines import LEASE_SECONDS
from hubspot_oauth.domain.errors import Fault
from hubspot_oauth.domain.timing import orphan_wait

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHARDS = 8
_FREE = "attribute_not_exists(lease_owner)"
_SAME = "install_id = :install_id AND version = :version"
_MINE = "lease_owner = :owner"
_ORPHANED = "lease_owner = :orphan"
_UNLINKED = "(attribute_not_exists(client_reference_id) OR client_reference_id = :reference)"
_GRANT = (
    "sealed = :sealed, scopes = :scopes, issued_at = :issued_at, expires_at = :expires_at, refresh_at = :refresh_at,"
    " refresh_shard = :shard"
)
_LEASE = "lease_owner, lease_until"
_TROUBLE = f"{_LEASE}, attempts, orphaned_since, at_fault, needs_reinstall_because"

_Condition = tuple[str, dict[str, Any]]  # and the values that it names


class AlreadyLinked(Exception):
    """The account belongs to another client_reference_id."""


class AccountsTable:
    """The accounts of one app.

    Args:
        dynamodb: A DynamoDB client.
        table: The table's name.
        shard: Which of the due index's shards a row goes to.
    """

    def __init__(self, dynamodb: "DynamoDBClient", table: str, shard: Callable[[], int] | None = None) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._shard = shard or (lambda: random.randrange(SHARDS))  # noqa: S311 - spreads load, hides nothing

    def get(self, key: GrantKey) -> Account | None:
        """The account as it is now (a consistent read), or None."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=typed(key.attributes()), ConsistentRead=True)
        return account_from(plain(answer["Item"])) if "Item" in answer else None

    def install(self, new: NewInstall, now: int) -> Account | None:
        """Store a new grant over whatever was there; return what was there before, or None.

        Raises:
            AlreadyLinked: The account is linked to another reference; nothing was written.
        """
        values: dict[str, Any] = {
            **self._grant(new),
            ":install_id": new.install_id,
            ":one": 1,
            ":status": Status.ACTIVE,
            ":binding": new.binding,
            ":exchanged": new.exchanged_at_ms,
            ":now": now,
        }
        condition = "(attribute_not_exists(exchanged_at_ms) OR exchanged_at_ms <= :exchanged)"
        linked = ""
        if new.client_reference_id:
            values[":reference"] = new.client_reference_id
            condition += f" AND {_UNLINKED}"
            linked = ", client_reference_id = :reference"
        change = (
            "SET install_id = :install_id, version = :one, #status = :status, status_since = :now,"
            f" {_GRANT}, binding = :binding, exchanged_at_ms = :exchanged, installed_at = :now{linked}"
            f" REMOVE {_TROUBLE}"
        )
        before, done = self._update(new.key, change, condition, values, returns="ALL_OLD")
        if done:
            return account_from(before) if before else None
        # An install whose code was exchanged later is stored already, or the account is linked to another customer.
        if new.client_reference_id and not self._link(new.key, new.client_reference_id):
            raise AlreadyLinked
        return account_from(before)

    def lease_due(self, key: GrantKey, owner: str, now: int) -> Account | None:
        """Take the right to refresh for the schedule: the row, or None when it is not due or a lease is live."""
        due, when = "refresh_at <= :now", {":now": now}  # a row that is not active has no refresh_at
        return self._lease(
            key, owner, now, (f"{due} AND {_FREE}", when), (f"{due} AND {_ORPHANED}", when), patient=True
        )

    def lease_seen(self, seen: Account, owner: str, now: int) -> Account | None:
        """Take the right to refresh for a reader who saw this row: the row, or None when it moved on or is leased."""
        same = f"{_SAME} AND #status = :active AND {_FREE}", {**_identity(seen), ":active": Status.ACTIVE}
        return self._lease(seen.key, owner, now, same, (_ORPHANED, {}), patient=False)

    def commit(self, renewal: Renewal) -> bool:
        """Store new tokens over the version they were made from; False when the row has moved on.

        A mark at this very version is undone: the answer in hand proves that the grant lives.
        """
        change = f"SET version = :next, #status = :active, {_GRANT} REMOVE {_TROUBLE}"
        next_version = {":next": renewal.version + 1, ":active": Status.ACTIVE}
        values = {**_identity(renewal), **self._grant(renewal), **next_version}
        return self._write(renewal.key, change, _SAME, values)

    def try_later(self, leased: Account, refresh_at: int, at_fault: Fault) -> bool:
        """Let go of the lease; the row is due at ``refresh_at`` and remembers which side was at fault."""
        change = "SET refresh_at = :refresh_at, at_fault = :fault"
        return self._settle(leased, change, {":refresh_at": refresh_at, ":fault": at_fault})

    def let_go(self, leased: Account) -> bool:
        """Let go of the lease without having asked HubSpot; the row stays as due as it was."""
        return self._settle(leased, "SET attempts = :attempts", {":attempts": max(0, leased.attempts - 1)})

    def mark_dead(self, leased: Account, code: str, now: int) -> bool:
        """Take the account out of the schedule; False when the row moved on or an answer may still be on its way."""
        if not leased.may_be_marked(now):
            return False
        change = (
            "SET #status = :dead, status_since = :now, needs_reinstall_because = :code"
            f" REMOVE refresh_at, refresh_shard, {_LEASE}"
        )
        values = {":dead": Status.NEEDS_REINSTALL, ":now": now, ":code": code, ":owner": leased.lease_owner}
        return self._write(leased.key, change, _MINE, values)

    def leave(self, key: GrantKey, now: int) -> Account | None:
        """Begin to disconnect. No schedule finds the row any more, and no answer under way fits its new version.

        Returns the row as it is now, or None when there is none. May be repeated.
        """
        change = (
            "SET #status = :leaving, status_since = :now, version = version + :one"
            f" REMOVE refresh_at, refresh_shard, {_LEASE}, attempts, orphaned_since, at_fault"
        )
        values = {":leaving": Status.DISCONNECTING, ":now": now, ":one": 1}
        row, done = self._update(key, change, "attribute_exists(hub_id)", values, returns="ALL_NEW")
        return account_from(row) if done else None

    def forget(self, leaving: Account) -> bool:
        """Delete the row that ``leave`` gave; False when the app was installed again in between."""
        values = {":install_id": leaving.install_id}
        return delete(self._dynamodb, self._table, leaving.key.attributes(), "install_id = :install_id", values)

    def revive(self, key: GrantKey, now: int) -> bool:
        """Make an account that was marked dead due again: a misconfiguration caused the mark."""
        change = (
            "SET #status = :active, status_since = :now, refresh_at = :now, refresh_shard = :shard"
            " REMOVE needs_reinstall_because"
        )
        values = {":active": Status.ACTIVE, ":dead": Status.NEEDS_REINSTALL, ":now": now, ":shard": self._shard()}
        return self._write(key, change, "#status = :dead", values)

    def _lease(
        self, key: GrantKey, owner: str, now: int, free: _Condition, orphaned: _Condition, *, patient: bool
    ) -> Account | None:
        """Take a lease on a row without one (``free``), else take over an orphaned one (``orphaned``)."""
        take = "SET lease_owner = :owner, lease_until = :until, attempts = if_not_exists(attempts, :zero) + :one"
        lease = {":owner": owner, ":until": now + LEASE_SECONDS, ":zero": 0, ":one": 1}
        condition, values = free
        row, done = self._update(key, take, condition, {**values, **lease}, returns="ALL_NEW")
        if done:
            return account_from(row)
        found = account_from(row) if row else None
        if found and found.lease_owner == owner:
            return found  # ours already: the SDK tried again after an answer that was lost on its way
        if found is None or not _orphaned(found, now, patient=patient):
            return None
        # The orphaned lease's answer may still be on its way: remember since when, so that the row is not marked dead.
        condition, values = orphaned
        values = {**values, **lease, ":orphan": found.lease_owner, ":since": now}
        row, done = self._update(key, f"{take}, orphaned_since = :since", condition, values, returns="ALL_NEW")
        return account_from(row) if done or row.get("lease_owner") == owner else None

    def _link(self, key: GrantKey, client_reference_id: str) -> bool:
        """Set client_reference_id unless another customer has the account. An install proved it, even one too late."""
        condition = f"attribute_exists(hub_id) AND {_UNLINKED}"
        change = "SET client_reference_id = :reference"
        return self._write(key, change, condition, {":reference": client_reference_id})

    def _settle(self, leased: Account, change: str, values: dict[str, Any]) -> bool:
        values = {**values, ":owner": leased.lease_owner}
        return self._write(leased.key, f"{change} REMOVE {_LEASE}", _MINE, values)

    def _grant(self, grant: Grant) -> dict[str, Any]:
        return {
            ":sealed": grant.sealed,
            ":scopes": " ".join(grant.scopes),
            ":issued_at": grant.issued_at,
            ":expires_at": grant.expires_at,
            ":refresh_at": grant.refresh_at,
            ":shard": self._shard(),
        }

    def _write(self, key: GrantKey, change: str, condition: str, values: dict[str, Any]) -> bool:
        _, done = self._update(key, change, condition, values, returns="NONE")
        return done

    def _update(
        self,
        key: GrantKey,
        change: str,
        condition: str,
        values: dict[str, Any],
        *,
        returns: Literal["NONE", "ALL_OLD", "ALL_NEW"],
    ) -> tuple[dict[str, Any], bool]:
        return update(self._dynamodb, self._table, key.attributes(), change, condition, values, returns=returns)


def _identity(row: Account | Renewal) -> dict[str, Any]:
    return {":install_id": row.install_id, ":version": row.version}


def _orphaned(row: Account, now: int, *, patient: bool) -> bool:
    if row.lease_until is None or row.lease_until > now:
        return False
    return not patient or now >= row.lease_until + orphan_wait(row.attempts)
