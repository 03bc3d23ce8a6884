"""Turns rows of the Accounts table into accounts. ``docs/storage.md`` lists every attribute, and a test checks that."""

from collections.abc import Mapping
from typing import Any

from hubspot_oauth.domain.account import Account, Binding, FirstRefusal, GrantKey, Status
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
        first_refusal=FirstRefusal(row["refused_at"], row["refused_with"]) if "refused_at" in row else None,
        refusal_proved=row.get("refusal_proved", False),
        needs_reinstall_because=row.get("needs_reinstall_because"),
    )
