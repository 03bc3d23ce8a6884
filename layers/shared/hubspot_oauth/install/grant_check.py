"""Checks a new grant before it is stored: the account is the wanted one, and no requested scope is missing."""

from contextlib import suppress
from dataclasses import dataclass

from hubspot_oauth.adapters.accounts_table import AccountsTable
from hubspot_oauth.adapters.hubspot import HubSpot
from hubspot_oauth.domain.account import Binding, GrantKey
from hubspot_oauth.domain.errors import HubSpotError
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.tokens import TokenAnswer
from hubspot_oauth.install import refusal_texts
from hubspot_oauth.install.refusal import InstallRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What this install wants of the exchange and of the grant. A ``hub_id`` of None allows any account."""

    redirect_uri: str
    hub_id: int | None = None
    client_reference_id: str | None = None
    binding: Binding


@dataclass(kw_only=True)
class GrantCheck:
    settings: Settings
    accounts: AccountsTable
    hubspot: HubSpot

    def check(self, hub_id: int, answer: TokenAnswer, wanted: Wanted) -> None:
        """Refuse a grant of another account than the wanted one, or one that lacks a requested scope.

        Raises:
            InstallRefused: The grant is not wanted. It is revoked, unless the account is stored already.
        """
        if wanted.hub_id not in (None, hub_id):
            self._discard(hub_id, answer)
            raise InstallRefused(refusal_texts.WRONG_ACCOUNT, f"wanted {wanted.hub_id}, got {hub_id}")
        missing = self.settings.missing_scopes(answer.scopes)
        if missing:
            self._discard(hub_id, answer)
            raise InstallRefused(refusal_texts.SCOPES_MISSING, " ".join(missing), missing)

    def _discard(self, hub_id: int, answer: TokenAnswer) -> None:
        """Revoke the unwanted grant.

        If the account is already stored nothing is revoked, because its stored refresh token may be this one.
        """
        if answer.refresh_token and self.accounts.get(GrantKey.of_account(hub_id)) is None:
            with suppress(HubSpotError):
                self.hubspot.revoke(answer.refresh_token)
