"""``GET /accounts`` and ``GET /accounts/{hub_id}`` show accounts, but never a token."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubspot_oauth.adapters.accounts_index import AccountsIndex, Question
from hubspot_oauth.adapters.accounts_table import AccountsTable
from hubspot_oauth.adapters.api_gateway import Event, Query, Response, hub_id_of, is_unicode, json_answer
from hubspot_oauth.api.signed_calls import SignedCalls
from hubspot_oauth.domain.account import MOST_REFERENCE, Account, GrantKey, Status
from hubspot_oauth.domain.api_errors import AccountNotFound, InvalidRequest
from hubspot_oauth.domain.clocks import iso
from hubspot_oauth.domain.settings import Settings

DEFAULT_LIMIT = 50
MOST_LIMIT = 100
_MOST_KEY_NUMBER = 10**38


@dataclass(kw_only=True)
class AccountsRoute:
    settings: Settings
    accounts: AccountsTable
    accounts_index: AccountsIndex
    signed_calls: SignedCalls

    def answer(self, event: Event) -> Response:
        """Show one account if the path names one, else a page of accounts."""

        def show(query: Query) -> Response:
            named = event.get("pathParameters")
            return json_answer(200, self.one(hub_id_of(event)) if named else self.page(query))

        return self.signed_calls.answer(event, show)

    def one(self, hub_id: int) -> dict[str, object]:
        """One account as JSON content.

        Raises:
            AccountNotFound: The app is not installed there.
        """
        account = self.accounts.get(GrantKey.of_account(hub_id))
        if account is None:
            raise AccountNotFound(f"The app is not installed in account {hub_id}.", hub_id=hub_id)
        return self._shown(account)

    def page(self, query: Mapping[str, str]) -> dict[str, object]:
        """A page of all accounts, or of those with one ``status``, one ``client_reference_id``, or failing refreshes.

        Raises:
            InvalidRequest: A value is malformed.
        """
        found = self.accounts_index.page(question_of(query))
        accounts = [self._shown(account) for account in found.accounts]
        return {"accounts": accounts, "next_cursor": _cursor_of(found.after)}

    def _shown(self, account: Account) -> dict[str, object]:
        return {
            "hub_id": account.hub_id,
            "domain": account.hub_domain,
            "status": str(account.status),
            "client_reference_id": account.client_reference_id,
            "binding": str(account.binding),
            "scopes": list(account.scopes),
            "missing_scopes": self.settings.missing_scopes(account.scopes),
            "installed_at": iso(account.installed_at),
            "last_refreshed_at": iso(account.issued_at),
            "expires_at": iso(account.expires_at),
            "next_refresh_at": iso(account.refresh_at) if account.refresh_at else None,
            "failing_since": iso(account.failing_since) if account.failing_since else None,
            "last_error": account.last_error,
            "needs_reinstall_because": account.needs_reinstall_because,
        }


def question_of(query: Mapping[str, str]) -> Question:
    """Parse the query into a question to the accounts index.

    Raises:
        InvalidRequest: A value is malformed, or two filters are given.
    """
    filters = [name for name in ("status", "client_reference_id", "failing") if name in query]
    for name in (*filters, *(["cursor"] if "cursor" in query else [])):
        if not query[name]:  # an empty variable in the caller's code must not list every account
            raise InvalidRequest(f"{name} is empty.", field=name)
    status, reference = query.get("status"), query.get("client_reference_id")
    if reference and len(reference) > MOST_REFERENCE:
        raise InvalidRequest(
            f"client_reference_id is longer than {MOST_REFERENCE} characters.", field="client_reference_id"
        )
    if len(filters) > 1:
        raise InvalidRequest(f"Ask by {' or by '.join(filters)}, not by several at once.")
    if query.get("failing") not in (None, "true"):
        raise InvalidRequest("failing is not true; leave it out for all accounts.", field="failing")
    if status and status not in list(Status):
        raise InvalidRequest(f"status is not one of {', '.join(Status)}.", field="status")
    cursor = _parsed_cursor(query.get("cursor"))
    return Question(_limit_of(query), status, reference, failing="failing" in query, after=cursor)


def _limit_of(query: Mapping[str, str]) -> int:
    limit = query.get("limit", str(DEFAULT_LIMIT))
    if not (limit.isascii() and limit.isdigit() and len(limit) < 4 and 1 <= int(limit) <= MOST_LIMIT):  # noqa: PLR2004
        raise InvalidRequest(f"limit is not a number from 1 to {MOST_LIMIT}.", field="limit")
    return int(limit)


def _cursor_of(after: Mapping[str, Any] | None) -> str | None:
    return base64.urlsafe_b64encode(json.dumps(after).encode()).decode() if after else None


def _parsed_cursor(cursor: str | None) -> dict[str, Any] | None:
    if not cursor:
        return None
    try:
        after = json.loads(base64.urlsafe_b64decode(cursor))
    except (ValueError, binascii.Error, RecursionError):
        raise InvalidRequest("cursor is not one of ours.", field="cursor") from None
    if not (isinstance(after, dict) and after and all(map(_may_be_in_a_key, (*after, *after.values())))):
        raise InvalidRequest("cursor is not one of ours.", field="cursor")
    return after


def _may_be_in_a_key(value: object) -> bool:
    """Whether DynamoDB accepts ``value`` in a key: a string, or a whole number of at most 38 digits."""
    if isinstance(value, str):
        return is_unicode(value)
    return type(value) is int and abs(value) < _MOST_KEY_NUMBER
