"""``PUT /accounts/{hub_id}`` adopts a refresh token that another system holds, while that system still runs.

HubSpot's introspection proves the token: it works, it is of this app and of this account. Nothing is refreshed for
that, so nothing can be lost between HubSpot's answer and the row. The row has no access token yet and is due at once;
the schedule, or the first reader, refreshes it under a lease like any other.

An account that is connected already stays as it is. An install always replaces an adopted grant, however late it comes.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubspot_oauth.adapters.accounts_table import AccountsTable, AlreadyLinked
from hubspot_oauth.adapters.api_gateway import Event, Query, Response, hub_id_of, json_answer
from hubspot_oauth.adapters.hubspot import HubSpot
from hubspot_oauth.adapters.hubspot_answers import account_in, domain_in, scopes_in
from hubspot_oauth.adapters.telemetry import Report, logger
from hubspot_oauth.adapters.vault import Vault
from hubspot_oauth.api.accounts import AccountsRoute
from hubspot_oauth.api.request_bodies import object_in, text_in
from hubspot_oauth.api.signed_calls import SignedCalls
from hubspot_oauth.domain.account import MOST_REFERENCE, Binding, GrantKey, NewInstall
from hubspot_oauth.domain.api_errors import (
    AccountAlreadyLinked,
    AppRefused,
    HubSpotUnavailable,
    InvalidRequest,
    RefreshTokenRefused,
    WrongAccount,
)
from hubspot_oauth.domain.clocks import Clock
from hubspot_oauth.domain.errors import HubSpotError, Misconfigured
from hubspot_oauth.domain.refresh_timing import CAUTIOUS_LIFETIME_SECONDS
from hubspot_oauth.domain.tokens import Tokens

#: Characters of a refresh token. HubSpot sets no maximum; this is far above any that was seen.
MOST_TOKEN = 4096
_FIELDS = frozenset({"refresh_token", "client_reference_id"})
_AGAIN_SECONDS = 30


@dataclass(kw_only=True)
class AdoptRoute:
    accounts: AccountsTable
    accounts_route: AccountsRoute
    vault: Vault
    hubspot: HubSpot
    report: Report
    signed_calls: SignedCalls
    clock: Clock

    def answer(self, event: Event) -> Response:
        """Answer with the account: 201 if the token was adopted, 200 if the account was connected already."""

        def adopt(_: Query) -> Response:
            hub_id = hub_id_of(event)
            logger.append_keys(hub_id=hub_id)
            content = object_in(event, _FIELDS)
            reference = text_in(content, "client_reference_id", MOST_REFERENCE)
            adopted = self.adopt(hub_id, token_in(content), reference)
            return json_answer(201 if adopted else 200, self.accounts_route.one(hub_id))

        return self.signed_calls.answer(event, adopt)

    def adopt(self, hub_id: int, refresh_token: str, client_reference_id: str | None) -> bool:
        """Prove the token and store it. False if the account is connected already; then only a reference is stored.

        Raises:
            RefreshTokenRefused: HubSpot does not take the token, or it belongs to another app.
            WrongAccount: The token is of another account.
            AccountAlreadyLinked: The account is linked to another client_reference_id.
            HubSpotUnavailable, AppRefused: HubSpot does not say.
            NotConfigured: The client secret has no value yet.
            VaultUnavailable: KMS gives no data key.
        """
        sealer = self.vault.sealer()
        known = self._introspected(refresh_token)
        self._check(known, hub_id)
        key, install_id, now = GrantKey.of_account(hub_id), secrets.token_hex(12), int(self.clock())
        new = NewInstall(
            key=key,
            install_id=install_id,
            sealed=sealer.seal(Tokens("", refresh_token), key, install_id),
            scopes=scopes_in(known),
            issued_at=now - CAUTIOUS_LIFETIME_SECONDS,
            expires_at=now,
            refresh_at=now,
            binding=Binding.BOUND,
            exchanged_at_ms=0,
            client_reference_id=client_reference_id,
            hub_domain=domain_in(known),
        )
        try:
            adopted = self.accounts.adopt(new, now)
        except AlreadyLinked:
            detail = f"Account {hub_id} is linked to another client_reference_id."
            raise AccountAlreadyLinked(detail, hub_id=hub_id) from None
        if adopted:
            self.report("AccountsAdopted", hub_id=hub_id, client_reference_id=client_reference_id)
        return adopted

    def _introspected(self, refresh_token: str) -> Mapping[str, Any]:
        try:
            return self.hubspot.introspect(refresh_token, "refresh_token")
        except Misconfigured as error:
            raise AppRefused(f"HubSpot refuses this app: {error.code}.", retry_after=_AGAIN_SECONDS) from error
        except HubSpotError as error:
            detail = f"HubSpot does not say whose token this is: {error.code}."
            raise HubSpotUnavailable(detail, retry_after=error.retry_after or _AGAIN_SECONDS) from error

    def _check(self, known: Mapping[str, Any], hub_id: int) -> None:
        if known.get("active") is not True:
            raise RefreshTokenRefused("HubSpot does not take this refresh token, or it belongs to another app.")
        owner = account_in(known)
        if owner is None:
            raise HubSpotUnavailable("HubSpot did not say whose token this is.", retry_after=_AGAIN_SECONDS)
        if owner != hub_id:
            raise WrongAccount(f"This refresh token is of account {owner}, not {hub_id}.", hub_id=owner)


def token_in(content: Mapping[str, Any]) -> str:
    """The body's ``refresh_token``.

    Raises:
        InvalidRequest: It is missing or cannot be one.
    """
    token = text_in(content, "refresh_token", MOST_TOKEN)
    if token is None or not token.isascii() or " " in token:
        raise InvalidRequest("refresh_token is missing or is none.", field="refresh_token")
    return token
