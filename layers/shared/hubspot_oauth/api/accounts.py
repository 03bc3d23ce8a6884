"""``GET /accounts`` and ``GET /accounts/{hub_id}``: who is connected, and how they fare. Never a token inside."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hubspot_oauth.adapters.accounts_index import Listing, Question
from hubspot_oauth.adapters.accounts_table import Accounts
from hubspot_oauth.api.token_route import iso
from hubspot_oauth.domain.errors import AccountNotFound, InvalidRequest
from hubspot_oauth.domain.models import Account, Status

DEFAULT_LIMIT = 50
MOST_LIMIT = 100


class Directory:
    """Lists accounts.

    Args:
        missing_scopes: What is requested of every install and not among the scopes given.
    """

    def __init__(
        self, accounts: Accounts, listing: Listing, missing_scopes: Callable[[Iterable[str]], list[str]]
    ) -> None:
        self._accounts = accounts
        self._listing = listing
        self._missing_scopes = missing_scopes

    def one(self, hub_id: int) -> dict[str, object]:
        """One account.

        Raises:
            AccountNotFound: Nobody installed the app there.
        """
        account = self._accounts.get(hub_id)
        if account is None:
            raise AccountNotFound(f"The app is not installed in account {hub_id}.", hub_id=hub_id)
        return self._shown(account)

    def page(self, query: Mapping[str, str]) -> dict[str, object]:
        """A page of accounts: all, or those of one ``status`` or one ``client_reference_id``.

        Raises:
            InvalidRequest: A value is malformed.
        """
        found = self._listing.page(_question(query))
        return {"accounts": [self._shown(account) for account in found.accounts], "next_cursor": _write(found.after)}

    def _shown(self, account: Account) -> dict[str, object]:
        return {
            "hub_id": account.hub_id,
            "status": str(account.status),
            "client_reference_id": account.client_reference_id,
            "binding": str(account.binding),
            "scopes": list(account.scopes),
            "missing_scopes": self._missing_scopes(account.scopes),
            "installed_at": iso(account.installed_at),
            "refreshed_at": iso(account.issued_at),
            "expires_at": iso(account.expires_at),
            "refresh_at": iso(account.refresh_at) if account.refresh_at else None,
            "needs_reinstall_because": account.dead_code,
        }


def _question(query: Mapping[str, str]) -> Question:
    for name in ("status", "client_reference_id", "cursor"):
        if query.get(name) == "":  # a caller's own blank must not read as no filter at all
            raise InvalidRequest(f"{name} is empty.", field=name)
    status, reference = query.get("status"), query.get("client_reference_id")
    if status and reference:
        raise InvalidRequest("Ask by status or by client_reference_id, not both.")
    if status and status not in list(Status):
        raise InvalidRequest(f"status is not one of {', '.join(Status)}.", field="status")
    limit = query.get("limit", str(DEFAULT_LIMIT))
    if not (limit.isascii() and limit.isdigit() and len(limit) < 4 and 1 <= int(limit) <= MOST_LIMIT):  # noqa: PLR2004
        raise InvalidRequest(f"limit is not a number from 1 to {MOST_LIMIT}.", field="limit")
    return Question(int(limit), status, reference, _read(query.get("cursor")))


def _write(after: Mapping[str, Any] | None) -> str | None:
    return base64.urlsafe_b64encode(json.dumps(after).encode()).decode() if after else None


def _read(cursor: str | None) -> dict[str, Any] | None:
    if not cursor:
        return None
    try:
        after = json.loads(base64.urlsafe_b64decode(cursor))
    except (ValueError, binascii.Error):
        raise InvalidRequest("cursor is not one of ours.", field="cursor") from None
    if not (isinstance(after, dict) and all(isinstance(value, int | str) for value in after.values())):
        raise InvalidRequest("cursor is not one of ours.", field="cursor")
    return after
