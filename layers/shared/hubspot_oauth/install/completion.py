"""Completes an install: spends the code, exchanges it, stores the grant and records the outcome."""

from dataclasses import dataclass, replace

from hubspot_oauth.adapters.client_secret import ClientSecret
from hubspot_oauth.adapters.sealing import Sealer
from hubspot_oauth.adapters.telemetry import Report
from hubspot_oauth.adapters.vault import Vault
from hubspot_oauth.domain.errors import NotConfigured, VaultUnavailable
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.install import refusal_texts
from hubspot_oauth.install.attempt import INSTALLED, Attempt
from hubspot_oauth.install.exchange import CodeExchange, Wanted
from hubspot_oauth.install.refusal import InstallRefused
from hubspot_oauth.install.spent_codes import SpentCodes


@dataclass(kw_only=True)
class Completion:
    settings: Settings
    exchange: CodeExchange
    spent_codes: SpentCodes
    vault: Vault
    client_secret: ClientSecret
    report: Report

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
            granted = self.exchange.obtain(code, wanted, sealer)
        except InstallRefused as refused:
            self.spent_codes.finish(attempt.attempt_id, refused.refusal.code, missing_scopes=refused.missing_scopes)
            raise
        self.spent_codes.finish(attempt.attempt_id, INSTALLED, hub_id=granted.hub_id)
        self.report("InstallsCompleted", 1, **granted.evidence(wanted, self.settings.optional_scopes))
        return replace(attempt, outcome=INSTALLED, hub_id=granted.hub_id)

    def _everything_of_ours(self) -> Sealer:
        """Get the client secret and a data key before the code is spent, so that a failure here costs no code."""
        try:
            self.client_secret()
            return self.vault.sealer()
        except NotConfigured:
            raise InstallRefused(refusal_texts.NOT_CONFIGURED) from None
        except VaultUnavailable as error:
            raise InstallRefused(refusal_texts.INTERRUPTED, str(error)) from error
