"""Turns rows of the Accounts table into accounts, and accounts into the values that are written.

``docs/storage.md`` lists every attribute, and a test checks that.
"""

from collections.abc import Mapping
from typing import Any

from hubspot_oauth.domain.account import (
    Account,
    Binding,
    Failure,
    FirstRefusal,
    Grant,
    GrantKey,
    NewInstall,
    Renewal,
    Status,
)
from hubspot_oauth.domain.errors import Fault


def account_from(row: Mapping[str, Any]) -> Account:
    """The account in a row, given as plain values."""
    return Account(
        key=GrantKey.parse(row),
        install_id=row["install_id"],
        version=row["version"],
        status=Status(row["status"]),
        sealed=row["sealed"],
        scopes=tuple(row["scopes"].split()),
        issued_at=row["issued_at"],
        expires_at=row["expires_at"],
        installed_at=row["installed_at"],
        binding=Binding(row["binding"]),
        client_reference_id=row.get("client_reference_id"),
        hub_domain=row.get("hub_domain"),
        refresh_at=row.get("refresh_at"),
        lease_owner=row.get("lease_owner"),
        lease_until=row.get("lease_until"),
        attempts=row.get("attempts", 0),
        orphaned_since=row.get("orphaned_since"),
        at_fault=next((fault for fault in Fault if fault == row.get("at_fault")), None),
        failing_since=row.get("failing_since"),
        last_error=row.get("last_error"),
        first_refusal=FirstRefusal(row["refused_at"], row["refused_with"]) if "refused_at" in row else None,
        refusal_proved=row.get("refusal_proved", False),
        needs_reinstall_because=row.get("needs_reinstall_because"),
    )


def values_of_grant(grant: Grant, shard: int) -> dict[str, Any]:
    """The values of an expression that stores a grant."""
    return {
        ":sealed": grant.sealed,
        ":scopes": " ".join(grant.scopes),
        ":issued_at": grant.issued_at,
        ":expires_at": grant.expires_at,
        ":refresh_at": grant.refresh_at,
        ":shard": shard,
    }


def values_of_install(new: NewInstall, now: int, shard: int) -> dict[str, Any]:
    """The values of an expression that stores an install."""
    named = {":client_reference_id": new.client_reference_id, ":hub_domain": new.hub_domain}
    return {
        **values_of_grant(new, shard),
        **{name: value for name, value in named.items() if value},
        ":install_id": new.install_id,
        ":one": 1,
        ":status": Status.ACTIVE,
        ":binding": new.binding,
        ":exchanged": new.exchanged_at_ms,
        ":now": now,
    }


def identity_of(row: Account | Renewal) -> dict[str, Any]:
    """The values of a condition that a row is still the one that was seen."""
    return {":install_id": row.install_id, ":version": row.version}


def failed(leased: Account, failure: Failure) -> dict[str, Any]:
    """What a failure leaves in the row; the first since the last commit says since when."""
    return {"failing_since": leased.failing_since or failure.at, "last_error": failure.error}
