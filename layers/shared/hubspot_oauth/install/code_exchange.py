"""Spends an authorization code, exchanges it at HubSpot for a grant, and checks and stores the grant."""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from hubspot_oauth.adapters.accounts_table import AccountsTable, AlreadyLinked
from hubspot_oauth.adapters.aws import AWS_ERRORS, code_of, is_transient
from hubspot_oauth.adapters.client_secret import ClientSecret
from hubspot_oauth.adapters.hubspot import HubSpot, TokenKind
from hubspot_oauth.adapters.hubspot_answers import NO_ACCESS_TOKEN, account_in, domain_in, lifetime_in, scopes_in
from hubspot_oauth.adapters.sealing import Sealer
from hubspot_oauth.adapters.telemetry import Report
from hubspot_oauth.adapters.vault import Vault
from hubspot_oauth.domain.account import Account, GrantKey, NewInstall
from hubspot_oauth.domain.api_errors import NotConfigured, VaultUnavailable
from hubspot_oauth.domain.call_timeouts import BEST_EFFORT_SECONDS, HUBSPOT_SECONDS
from hubspot_oauth.domain.clocks import Clock, Roll
from hubspot_oauth.domain.errors import GrantDead, HubSpotError, Misconfigured, TryLater
from hubspot_oauth.domain.refresh_timing import CAUTIOUS_LIFETIME_SECONDS, refresh_at
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.tokens import RefreshTokenOnly, TokenAnswer, Tokens
from hubspot_oauth.install import refusal_texts
from hubspot_oauth.install.attempt import INSTALLED, Attempt
from hubspot_oauth.install.grant_check import GrantCheck, Wanted
from hubspot_oauth.install.refusal import InstallRefused
from hubspot_oauth.install.spent_codes import SpentCodes


@dataclass(frozen=True, slots=True)
class Granted:
    """A stored grant. ``before`` is the account as it was stored before, or None for its first install."""

    hub_id: int
    hub_domain: str | None
    scopes: tuple[str, ...]
    before: Account | None

    def evidence(self, wanted: Wanted, optional: tuple[str, ...]) -> dict[str, object]:
        """The log's fields about this install. ``optional`` are the scopes that HubSpot may drop."""
        before = self.before
        return {
            "hub_id": self.hub_id,
            "binding": str(wanted.binding),
            "client_reference_id": wanted.client_reference_id,
            "reinstall": before is not None,
            "scopes_added": sorted(set(self.scopes) - set(before.scopes)) if before else [],
            "scopes_removed": sorted(set(before.scopes) - set(self.scopes)) if before else [],
            "optional_dropped": sorted(set(optional) - set(self.scopes)),
        }


@dataclass(kw_only=True)
class CodeExchange:
    """Turns authorization codes into stored grants, each code once."""

    settings: Settings
    spent_codes: SpentCodes
    grant_check: GrantCheck
    hubspot: HubSpot
    accounts: AccountsTable
    vault: Vault
    client_secret: ClientSecret
    report: Report
    clock: Clock
    roll: Roll

    def complete(self, attempt: Attempt, code: str, wanted: Wanted) -> Attempt:
        """Spend the code and store the grant; return this attempt, or the earlier one that spent the code or the nonce.

        Raises:
            InstallRefused: No grant was stored. If the code was spent, the attempt records the refusal.
        """
        sealer = self._everything_of_ours()
        earlier = self.spent_codes.spend(attempt, code)
        if earlier:
            return earlier
        try:
            granted = self._obtain(code, wanted, sealer)
        except InstallRefused as refused:
            outcome, missing_scopes = refused.refusal.code, refused.missing_scopes
            self._record(replace(attempt, outcome=outcome, hub_id=refused.hub_id, missing_scopes=missing_scopes))
            raise
        ended = replace(attempt, outcome=INSTALLED, hub_id=granted.hub_id, hub_domain=granted.hub_domain)
        self._record(ended)
        self.report("InstallsCompleted", 1, **granted.evidence(wanted, self.settings.optional_scopes))
        return ended

    def _record(self, ended: Attempt) -> None:
        """Record the outcome. If that fails it stays true: this browser is told it, and only a reload is not."""
        try:
            self.spent_codes.finish(ended)
        except AWS_ERRORS as error:
            self.report("OutcomesUnrecorded", code=code_of(error))

    def _everything_of_ours(self) -> Sealer:
        """Get the client secret and a data key before the code is spent, so that a failure here costs no code."""
        try:
            self.client_secret()
            return self.vault.sealer()
        except NotConfigured:
            raise InstallRefused(refusal_texts.NOT_CONFIGURED) from None
        except VaultUnavailable as error:
            raise InstallRefused(refusal_texts.INTERRUPTED, str(error)) from error

    def _obtain(self, code: str, wanted: Wanted, sealer: Sealer) -> Granted:
        """Exchange ``code``, check the grant and store it.

        Raises:
            InstallRefused: Nothing was stored, and an existing grant of the account is unchanged.
        """
        sent_at = self.clock()
        answer = self._completed(self._exchange(code, wanted.redirect_uri))
        hub_id = self.grant_check.check(answer, wanted)
        before = self._store(hub_id, answer, wanted, sealer, sent_at)
        return Granted(hub_id, answer.hub_domain, answer.scopes, before)

    def _exchange(self, code: str, redirect_uri: str) -> TokenAnswer:
        try:
            answer = self.hubspot.exchange(code, redirect_uri)
        except GrantDead as error:
            raise InstallRefused(refusal_texts.CODE_REJECTED, str(error)) from error
        except Misconfigured as error:
            raise InstallRefused(refusal_texts.MISCONFIGURED, str(error)) from error
        except TryLater as error:
            raise InstallRefused(refusal_texts.HUBSPOT_UNAVAILABLE, str(error)) from error
        if isinstance(answer, RefreshTokenOnly):
            hub_id = answer.hub_id or account_in(self._introspected(answer.refresh_token, "refresh_token"))
            self.grant_check.discard(hub_id, answer.refresh_token)
            raise InstallRefused(refusal_texts.HUBSPOT_UNAVAILABLE, NO_ACCESS_TOKEN)
        return answer

    def _completed(self, answer: TokenAnswer) -> TokenAnswer:
        """Ask introspection for the account's domain, and for account, scopes and lifetime if the answer lacks them."""
        whole = answer.hub_id and answer.scopes and answer.expires_in
        seconds = BEST_EFFORT_SECONDS if whole else HUBSPOT_SECONDS
        known = self._introspected(answer.access_token, "access_token", seconds)
        return replace(
            answer,
            hub_id=answer.hub_id or account_in(known),
            scopes=answer.scopes or scopes_in(known),
            expires_in=answer.expires_in or lifetime_in(known),
            hub_domain=domain_in(known),
        )

    def _introspected(self, token: str, kind: TokenKind, seconds: float = HUBSPOT_SECONDS) -> Mapping[str, Any]:
        with suppress(HubSpotError):
            return self.hubspot.introspect(token, kind, seconds)
        return {}

    def _store(
        self, hub_id: int, answer: TokenAnswer, wanted: Wanted, sealer: Sealer, sent_at: float
    ) -> Account | None:
        key, install_id = GrantKey.of_account(hub_id), secrets.token_hex(12)
        issued_at, lifetime = int(sent_at), answer.expires_in or CAUTIOUS_LIFETIME_SECONDS
        tokens = Tokens(answer.access_token, answer.refresh_token or "")
        new = NewInstall(
            key=key,
            install_id=install_id,
            sealed=sealer.seal(tokens, key, install_id),
            scopes=answer.scopes,
            issued_at=issued_at,
            expires_at=issued_at + lifetime,
            refresh_at=refresh_at(issued_at, lifetime, self.settings.margin_percent, self.roll()),
            binding=wanted.binding,
            exchanged_at_ms=int(sent_at * 1000),
            client_reference_id=wanted.client_reference_id,
            hub_domain=answer.hub_domain,
        )
        try:
            return self.accounts.install(new, int(self.clock()))
        except AlreadyLinked:
            raise InstallRefused(refusal_texts.ACCOUNT_ALREADY_LINKED, f"account {hub_id}") from None
        except AWS_ERRORS as error:
            if self._is_stored(new):
                return None
            self.grant_check.discard(hub_id, answer.refresh_token)
            if not is_transient(error):
                raise
            raise InstallRefused(refusal_texts.INTERRUPTED, code_of(error)) from error

    def _is_stored(self, new: NewInstall) -> bool:
        """Whether DynamoDB has stored the install, though its answer did not arrive."""
        stored = self.accounts.get(new.key)
        return stored is not None and stored.install_id == new.install_id
