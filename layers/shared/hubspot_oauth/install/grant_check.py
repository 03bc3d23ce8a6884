"""Checks a new grant before it is stored: the account is the wanted one, and no requested scope is missing."""

from contextlib import suppress
from dataclasses import dataclass

from hubspot_oauth.adapters.accounts_table import AccountsTable
from hubspot_oauth.adapters.aws import AWS_ERRORS, is_transient
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

    def check(self, answer: TokenAnswer, wanted: Wanted) -> int:
        """The grant's account, unless it is another than the wanted one or the grant lacks a requested scope.

        Raises:
            InstallRefused: The grant is not wanted, and is discarded.
        """
        try:
            return self._checked(answer, wanted)
        except InstallRefused:
            self.discard(answer.hub_id, answer.refresh_token)
            raise

    def discard(self, hub_id: int | None, refresh_token: str | None) -> None:
        """Revoke a grant that is not stored.

        If its account is stored already nothing is revoked, because the stored refresh token may be this one. The same
        holds if DynamoDB cannot say whether it is.
        """
        try:
            stored = hub_id is not None and self.accounts.get(GrantKey.of_account(hub_id)) is not None
        except AWS_ERRORS as error:
            if not is_transient(error):
                raise
            return
        if refresh_token and not stored:
            with suppress(HubSpotError):
                self.hubspot.revoke(refresh_token)

    def _checked(self, answer: TokenAnswer, wanted: Wanted) -> int:
        hub_id = answer.hub_id
        if hub_id is None:
            raise InstallRefused(refusal_texts.HUBSPOT_UNAVAILABLE, "HubSpot did not say which account it is")
        if wanted.hub_id not in (None, hub_id):
            detail = f"wanted {wanted.hub_id}, got {hub_id}"
            raise InstallRefused(refusal_texts.WRONG_ACCOUNT, detail, hub_id=hub_id, wanted_hub_id=wanted.hub_id)
        missing = self.settings.missing_scopes(answer.scopes)
        if missing and not answer.scopes:
            raise InstallRefused(refusal_texts.HUBSPOT_UNAVAILABLE, "HubSpot did not say which scopes it granted")
        if missing:
            raise InstallRefused(refusal_texts.SCOPES_MISSING, " ".join(missing), missing_scopes=missing)
        return hub_id
