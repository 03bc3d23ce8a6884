"""The Accounts table. Every write to it is conditional, and all the conditions are in this module.

Each method writes only under its condition, with this effect::

    lease_due  due, no lease                                 -> a lease, attempts + 1
               due, a lease orphaned for orphan_wait seconds -> the same, and orphaned_since is now
    lease_seen active and as read, no lease                  -> a lease, attempts + 1
               an orphaned lease                             -> the same, and orphaned_since is now
    commit     install_id and version unchanged              -> new tokens, version + 1, active, no lease
    try_later  the caller owns the lease                     -> due again at refresh_at, no lease, failure stored
    let_go     the caller owns the lease                     -> same due time, attempts - 1, no lease, failure stored
    mark_dead  the caller owns the lease                     -> needs_reinstall, no lease, tokens kept; due for a
                                                                recheck, or (a final mark) not in the due index
    recheck    marked dead, and waiting for a recheck        -> due now
    begin_disconnect
               the row exists                                -> disconnecting, not in the due index, version + 1,
                                                                no lease
    forget     install_id unchanged                          -> the row is deleted
    install    no install whose code was exchanged later;    -> new install_id and tokens, version 1, active, no lease,
               if it names a customer, the row is linked        that customer's client_reference_id
               to none or to the same one
    adopt      no row, or one that is marked dead;           -> as install
               if it names a customer, as install
    _link      linked to no customer or the same one         -> client_reference_id of an install that a later one
                                                                has overtaken

A lease is orphaned when it runs out before its owner has ended it. Each new version also ends the lease, so an owner
that still finds its name in the row knows that install_id and version are unchanged. A late answer may carry the only
refresh token that works, so a commit does not ask who owns the lease, and it undoes a mark. An install gets a new
``install_id``, so tokens of an earlier install never replace those of a later one. If DynamoDB's answer is lost, the
SDK repeats the request and its condition fails; a row that has exactly what was written counts as written.

Every condition is needed: ``tests/model`` searches every order of up to three actors on one account. If any one clause
is taken out, it finds an order that breaks a rule of the protocol.
"""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hubspot_oauth.adapters.account_rows import account_from, failed, identity_of, values_of_grant, values_of_install
from hubspot_oauth.adapters.dynamodb import Returns, Updated, delete, plain, typed, update
from hubspot_oauth.domain.account import Account, Failure, GrantKey, NewInstall, Renewal, Status
from hubspot_oauth.domain.call_timeouts import LEASE_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHARDS = 8
_FREE = "attribute_not_exists(lease_owner)"
_SAME = "install_id = :install_id AND version = :version"
_MINE = "lease_owner = :owner"
_ORPHANED = "lease_owner = :orphan"
_UNLINKED = "(attribute_not_exists(client_reference_id) OR client_reference_id = :client_reference_id)"
_GRANT = (
    "sealed = :sealed, scopes = :scopes, issued_at = :issued_at, expires_at = :expires_at, refresh_at = :refresh_at,"
    " refresh_shard = :shard"
)
_INDEXED = "refresh_at, refresh_shard"
_LEASE = "lease_owner, lease_until"
_REFUSAL = "refused_at, refused_with, refusal_proved, needs_reinstall_because"
_TROUBLE = f"{_LEASE}, attempts, orphaned_since, at_fault, failing_since, last_error, {_REFUSAL}"

_Condition = tuple[str, dict[str, Any]]  # the expression, and the values it names


class AlreadyLinked(Exception):
    """The account is linked to another client_reference_id."""


class AccountsTable:
    """Reads and writes the accounts of one HubSpot app.

    Args:
        dynamodb: A DynamoDB client.
        table: The table's name.
        shard: Picks a row's shard in the due index; random by default.
    """

    def __init__(self, dynamodb: "DynamoDBClient", table: str, shard: Callable[[], int] | None = None) -> None:
        self._dynamodb, self._table = dynamodb, table
        self._shard = shard or (lambda: random.randrange(SHARDS))  # noqa: S311 - spreads load, hides nothing

    def get(self, key: GrantKey) -> Account | None:
        """The account as it is now (a consistent read), or None."""
        found = self._dynamodb.get_item(TableName=self._table, Key=typed(key.attributes()), ConsistentRead=True)
        return account_from(plain(found["Item"])) if "Item" in found else None

    def install(self, new: NewInstall, now: int) -> Account | None:
        """Store an install over the row; return the row as it was before, or None if there was none or it is not known.

        If an install whose code was exchanged later is already stored, only the client_reference_id is written.

        Raises:
            AlreadyLinked: The account is linked to another client_reference_id; nothing was written.
        """
        latest = "(attribute_not_exists(exchanged_at_ms) OR exchanged_at_ms <= :exchanged)"
        before, done = self._install(new, now, latest, {})
        if done:
            return account_from(before) if before.get("install_id") not in (None, new.install_id) else None
        # An install whose code was exchanged later is stored already, or the account is linked to another customer.
        if new.client_reference_id and not self._link(new.key, new.client_reference_id):
            raise AlreadyLinked
        return account_from(before)

    def adopt(self, new: NewInstall, now: int) -> bool:
        """Store a grant that another system holds, unless the account is connected: then only its customer.

        Raises:
            AlreadyLinked: The account is linked to another client_reference_id; nothing was written.
        """
        gone = "(attribute_not_exists(hub_id) OR #status = :dead)"
        before, done = self._install(new, now, gone, {":dead": Status.NEEDS_REINSTALL})
        if done or before.get("install_id") == new.install_id:
            return True
        if new.client_reference_id and not self._link(new.key, new.client_reference_id):
            raise AlreadyLinked
        return False

    def lease_due(self, key: GrantKey, owner: str, now: int) -> Account | None:
        """Lease a row for the schedule; return it, or None when it is leased, not due, or in its ``orphan_wait``."""
        due, when = "refresh_at <= :now", {":now": now}  # a row that is never refreshed again has no refresh_at
        free, orphaned = (f"{due} AND {_FREE}", when), (f"{due} AND {_ORPHANED}", when)
        return self._lease(key, owner, now, free, orphaned, after_orphan_wait=True)

    def lease_seen(self, seen: Account, owner: str, now: int) -> Account | None:
        """Lease the row that the token route has read; return the row as it is now, or None.

        The row must be unchanged and without a lease. An orphaned lease is taken over in any case.
        """
        same = f"{_SAME} AND #status = :active AND {_FREE}", {**identity_of(seen), ":active": Status.ACTIVE}
        return self._lease(seen.key, owner, now, same, (_ORPHANED, {}), after_orphan_wait=False)

    def commit(self, renewal: Renewal) -> bool:
        """Store new tokens over the version they were made from; return False when the row has moved on.

        A mark on that version is undone, because the new tokens prove that the grant is alive.
        """
        change = f"SET version = :next, #status = :active, {_GRANT} REMOVE {_TROUBLE}"
        values = {
            **identity_of(renewal),
            **values_of_grant(renewal, self._shard()),
            ":next": renewal.version + 1,
            ":active": Status.ACTIVE,
        }
        row, done = self._update(renewal.key, change, _SAME, values, returns="NONE")
        return done or row.get("sealed") == renewal.sealed

    def try_later(self, leased: Account, refresh_at: int, failure: Failure) -> bool:
        """End the lease, make the row due at ``refresh_at``, store the failure; False when the lease is lost."""
        new: dict[str, Any] = {"refresh_at": refresh_at, "at_fault": failure.fault, **failed(leased, failure)}
        if refused := failure.refused:
            new |= {"refused_at": refused.at, "refused_with": refused.secret_version, "refusal_proved": False}
        return self._settle(leased, new)

    def let_go(self, leased: Account, failure: Failure | None) -> bool:
        """End the lease and uncount this try; the row keeps its due time. False when the lease is lost."""
        trouble = failed(leased, failure) if failure else {}
        return self._settle(leased, {"attempts": max(0, leased.attempts - 1), **trouble})

    def mark_dead(self, leased: Account, refusal: Failure, again_at: int | None, *, proved: bool = False) -> bool:
        """Mark the account dead, or confirm its mark; False when the lease is lost.

        ``Account.may_be_marked`` must hold. The account is tried again at ``again_at``, or never if that is None.
        """
        dead = {"status": Status.NEEDS_REINSTALL, "needs_reinstall_because": refusal.error, "refusal_proved": proved}
        dead |= failed(leased, refusal)
        since = {"status_since": refusal.at} if leased.status is Status.ACTIVE else {}
        if again_at is None:
            return self._settle(leased, {**dead, **since}, remove=f"{_INDEXED}, {_LEASE}")
        return self._settle(leased, {**dead, **since, "refresh_at": again_at})

    def begin_disconnect(self, key: GrantKey, now: int) -> Account | None:
        """Take the row out of the due index; its new version makes a commit under way fail.

        Returns the row as it is now, or None when there is none. The call may be repeated.
        """
        change = f"SET #status = :leaving, status_since = :now, version = version + :one REMOVE {_INDEXED}, {_TROUBLE}"
        values = {":leaving": Status.DISCONNECTING, ":now": now, ":one": 1}
        row, done = self._update(key, change, "attribute_exists(hub_id)", values, returns="ALL_NEW")
        return account_from(row) if done else None

    def forget(self, leaving: Account) -> bool:
        """Delete the row that ``begin_disconnect`` returned; False when the app was installed again in between."""
        key, same = leaving.key.attributes(), {":install_id": leaving.install_id}
        return delete(self._dynamodb, self._table, key, "install_id = :install_id", same)

    def recheck(self, key: GrantKey, now: int) -> bool:
        """Make a marked account due now; False when it is not marked, is due already, or is never tried again."""
        values = {":dead": Status.NEEDS_REINSTALL, ":now": now}
        return self._write(key, "SET refresh_at = :now", "#status = :dead AND refresh_at > :now", values)

    def _install(self, new: NewInstall, now: int, condition: str, values: dict[str, Any]) -> Updated:
        """Write the row anew; return it as it was, and whether it was written."""
        change = (
            "SET install_id = :install_id, version = :one, #status = :status, status_since = :now,"
            f" {_GRANT}, binding = :binding, exchanged_at_ms = :exchanged, installed_at = :now"
        )
        for name in ("client_reference_id", "hub_domain"):
            if getattr(new, name):
                change += f", {name} = :{name}"
        if new.client_reference_id:
            condition += f" AND {_UNLINKED}"
        written = {**values, **values_of_install(new, now, self._shard())}
        return self._update(new.key, f"{change} REMOVE {_TROUBLE}", condition, written, returns="ALL_OLD")

    def _lease(
        self, key: GrantKey, owner: str, now: int, free: _Condition, orphaned: _Condition, *, after_orphan_wait: bool
    ) -> Account | None:
        """Take a lease under the condition ``free``, else take over an orphaned lease under ``orphaned``.

        With ``after_orphan_wait`` an orphaned lease is taken over only after ``orphan_wait`` seconds.
        """
        take = "SET lease_owner = :owner, lease_until = :until, attempts = if_not_exists(attempts, :zero) + :one"
        lease = {":owner": owner, ":until": now + LEASE_SECONDS, ":zero": 0, ":one": 1}
        row, done = self._update(key, take, free[0], {**free[1], **lease}, returns="ALL_NEW")
        if done:
            return account_from(row)
        found = account_from(row) if row else None
        if found and found.lease_owner == owner:
            return found  # our own lease: DynamoDB's first answer was lost, and the SDK repeated the request
        if found is None or not found.orphaned(now, after_orphan_wait=after_orphan_wait):
            return None
        # New tokens from the orphaned lease may still arrive: ``orphaned_since`` keeps the row from being marked dead.
        values = {**orphaned[1], **lease, ":orphan": found.lease_owner, ":since": now}
        row, done = self._update(key, f"{take}, orphaned_since = :since", orphaned[0], values, returns="ALL_NEW")
        return account_from(row) if done or row.get("lease_owner") == owner else None

    def _link(self, key: GrantKey, client_reference_id: str) -> bool:
        """Link the account unless another customer has it.

        An install that a later one has overtaken still proves which customer the account belongs to.
        """
        condition, values = f"attribute_exists(hub_id) AND {_UNLINKED}", {":client_reference_id": client_reference_id}
        return self._write(key, "SET client_reference_id = :client_reference_id", condition, values)

    def _settle(self, leased: Account, new: dict[str, Any], *, remove: str = _LEASE) -> bool:
        """End the caller's lease and set ``new``; ``remove`` holds at least the lease's attributes."""
        change = ", ".join(f"{'#' if name == 'status' else ''}{name} = :{name}" for name in new)
        values = {f":{name}": value for name, value in new.items()} | {":owner": leased.lease_owner}
        row, done = self._update(leased.key, f"SET {change} REMOVE {remove}", _MINE, values, returns="NONE")
        written = {"install_id": leased.install_id, "version": leased.version, "lease_owner": None, **new}
        return done or all(row.get(name) == value for name, value in written.items())

    def _write(self, key: GrantKey, change: str, condition: str, values: dict[str, Any]) -> bool:
        _, done = self._update(key, change, condition, values, returns="NONE")
        return done

    def _update(self, key: GrantKey, change: str, condition: str, values: dict[str, Any], returns: Returns) -> Updated:
        return update(self._dynamodb, self._table, key.attributes(), change, condition, values, returns)
