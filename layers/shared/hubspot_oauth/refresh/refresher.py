"""Refreshes one leased account, for the worker and for the token route alike.

The data key, the old tokens and the client secret are fetched before HubSpot is called. After new tokens arrive, only
one write is left: the commit to the table, or the message to the rescue queue if DynamoDB refuses.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from hubspot_oauth.adapters.accounts_table import AccountsTable
from hubspot_oauth.adapters.aws import AWS_ERRORS, code_of, is_transient
from hubspot_oauth.adapters.client_secret import ClientSecret, Secret
from hubspot_oauth.adapters.hubspot import HubSpot
from hubspot_oauth.adapters.hubspot_answers import NO_ACCESS_TOKEN
from hubspot_oauth.adapters.sealing import Sealer
from hubspot_oauth.adapters.telemetry import Report
from hubspot_oauth.adapters.vault import Vault
from hubspot_oauth.domain.account import Account, Failure, Renewal
from hubspot_oauth.domain.api_errors import NotConfigured, TokensUnreadable, VaultUnavailable
from hubspot_oauth.domain.call_timeouts import FINISH_SECONDS, PREPARE_SECONDS
from hubspot_oauth.domain.clocks import Clock, Monotonic, Remaining, Roll
from hubspot_oauth.domain.errors import Fault, HubSpotError
from hubspot_oauth.domain.refresh_timing import refresh_at
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.tokens import RefreshTokenOnly, TokenAnswer, Tokens
from hubspot_oauth.refresh.breaker import Breaker
from hubspot_oauth.refresh.rescuing_store import RescuingStore
from hubspot_oauth.refresh.verdict import OUT_OF_TIME, Do, Verdict, evidence_of, held_back, judge, later, unproven


@dataclass(frozen=True, slots=True)
class Refreshed:
    """HubSpot gave new tokens. They are in the table or in the rescue queue, or were counted as ``Unstored``."""

    tokens: Tokens
    issued_at: int
    expires_at: int
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """The row changed meanwhile (another refresh, an install, a disconnect), so nothing was stored; read it again."""


Outcome = Refreshed | Verdict | Moved


@dataclass(frozen=True, slots=True)
class _InHand:
    """What a refresh needs besides the row, fetched before HubSpot is called."""

    sealer: Sealer
    tokens: Tokens
    client_secret: Secret = field(repr=False)


@dataclass(kw_only=True)
class Refresher:
    accounts: AccountsTable
    vault: Vault
    hubspot: HubSpot
    client_secret: ClientSecret
    breaker: Breaker
    rescuing_store: RescuingStore
    report: Report
    clock: Clock
    monotonic: Monotonic
    roll: Roll
    settings: Settings

    def refresh(self, leased: Account, leased_at: float, remaining: Remaining) -> Outcome:
        """Refresh a leased account, and end its lease.

        Args:
            leased: The row as the caller leased it.
            leased_at: The ``monotonic`` time just before the caller asked for the lease.
            remaining: Seconds the function may still run.
        """

        def in_time() -> bool:
            return self._in_time(leased_at, remaining)

        ours = self._prepared(leased)
        if isinstance(ours, Verdict):
            return self._apply(ours, leased)
        if not in_time():
            return self._apply(OUT_OF_TIME, leased)
        sent_at = int(self.clock())
        try:
            answer = self.hubspot.refresh(ours.tokens.refresh_token, ours.client_secret, leased.hub_id, in_time)
        except HubSpotError as error:
            return self._failed(error, leased, sent_at)
        if isinstance(answer, RefreshTokenOnly):
            return self._half_answered(answer, leased, ours, remaining)
        self.breaker.succeeded(sent_at, answer.secret_version)
        renewed = _renewed(answer, ours.tokens, leased, sent_at)
        lifetime = renewed.expires_at - sent_at
        due_at = refresh_at(sent_at, lifetime, self.settings.margin_percent, self.roll())
        renewal = _renewal(leased, renewed, ours.sealer, due_at)
        return renewed if self.rescuing_store.store(renewal, remaining) else Moved()

    def _prepared(self, leased: Account) -> _InHand | Verdict:
        try:
            sealer = self.vault.sealer()
        except VaultUnavailable as error:  # KMS gives no data key to any account
            return held_back(error.aws_code, "NoDataKey", Fault.VAULT)
        try:
            return _InHand(sealer, self.vault.unseal(leased), self.client_secret())
        except VaultUnavailable as error:
            return later(error.aws_code, leased, self.roll(), fault=Fault.VAULT)
        except TokensUnreadable as error:
            return later(error.code, leased, self.roll(), fault=Fault.TOKENS)
        except NotConfigured as error:
            return later(error.code, leased, self.roll(), fault=Fault.SETUP)
        except AWS_ERRORS as error:
            return later(code_of(error), leased, self.roll(), fault=Fault.AWS)

    def _in_time(self, leased_at: float, remaining: Remaining) -> bool:
        """Whether the lease and the function both last until HubSpot's slowest answer is stored."""
        spent = self.monotonic() - leased_at
        return spent <= PREPARE_SECONDS and remaining() >= FINISH_SECONDS

    def _failed(self, error: HubSpotError, leased: Account, sent_at: int) -> Verdict | Moved:
        now = int(self.clock())
        try:
            breaker = self.breaker.tell(evidence_of(error, leased), leased.hub_id, sent_at)
            verdict = judge(error, leased, breaker, now, self.roll())
            if verdict.do is Do.MARK_DEAD and not self._mark_dead(verdict, leased, now):
                return Moved()
        except AWS_ERRORS as trouble:
            # The breaker or the mark could not be written. The lease is ended all the same: a lease that runs out is
            # orphaned, and then the row cannot be marked dead until the rescue queue's retention has passed.
            outcome = self._apply(unproven(error, leased, self.roll()), leased)
            if not is_transient(trouble):
                raise
            return outcome
        return self._apply(verdict, leased)

    def _apply(self, verdict: Verdict, leased: Account) -> Verdict | Moved:
        """End the lease as the verdict says, and count the failure. A mark has already ended the lease."""
        now = self.clock()
        failure = Failure(int(now), verdict.code, verdict.fault, verdict.refused)
        if verdict.do is Do.TRY_LATER:
            again_at = verdict.again_at(now)
            if not self._release(lambda: self.accounts.try_later(leased, again_at, failure)):
                return Moved()
        elif verdict.do is Do.LET_GO:
            self._release(lambda: self.accounts.let_go(leased, failure if verdict.kind else None))
        self._count(verdict, leased)
        return verdict

    def _mark_dead(self, verdict: Verdict, leased: Account, now: int) -> bool:
        again_at = None if verdict.final else verdict.again_at(self.clock())
        return self.accounts.mark_dead(leased, Failure(now, verdict.code), again_at, proved=verdict.proved)

    def _count(self, verdict: Verdict, leased: Account) -> None:
        if verdict.kind:
            about = {"code": verdict.code, "fault": str(verdict.fault), "attempts": leased.attempts}
            self.report("RefreshFailed", 1, kind=verdict.kind, hub_id=leased.hub_id, **about)

    def _release(self, release: Callable[[], bool]) -> bool:
        """End the lease; return False if it was lost. After a transient AWS error it runs out by itself."""
        try:
            return release()
        except AWS_ERRORS as error:
            if not is_transient(error):
                raise
            return True

    def _half_answered(
        self, answer: RefreshTokenOnly, leased: Account, ours: _InHand, remaining: Remaining
    ) -> Verdict | Moved:
        """Store the new refresh token, which may be the only one that works, with the old access token."""
        verdict = later(NO_ACCESS_TOKEN, leased, self.roll())
        tokens = Tokens(ours.tokens.access_token, answer.refresh_token)
        kept = Refreshed(tokens, leased.issued_at, leased.expires_at, leased.scopes)
        renewal = _renewal(leased, kept, ours.sealer, verdict.again_at(self.clock()))
        if not self.rescuing_store.store(renewal, remaining):
            return Moved()
        self._count(verdict, leased)
        return verdict


def _renewed(answer: TokenAnswer, old: Tokens, leased: Account, sent_at: int) -> Refreshed:
    """The new tokens; the old refresh token, lifetime and scopes stay where HubSpot's answer leaves them out."""
    return Refreshed(
        tokens=Tokens(answer.access_token, answer.refresh_token or old.refresh_token),
        issued_at=sent_at,
        expires_at=sent_at + (answer.expires_in or leased.lifetime),
        scopes=answer.scopes or leased.scopes,
    )


def _renewal(leased: Account, renewed: Refreshed, sealer: Sealer, due_at: int) -> Renewal:
    return Renewal(
        key=leased.key,
        install_id=leased.install_id,
        version=leased.version,
        sealed=sealer.seal(renewed.tokens, leased.key, leased.install_id),
        scopes=renewed.scopes,
        issued_at=renewed.issued_at,
        expires_at=renewed.expires_at,
        refresh_at=due_at,
    )
