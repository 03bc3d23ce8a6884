"""Refreshing one account: the one path from a lease to a commit, whoever asked for it.

Everything that can fail on our side is in hand before HubSpot is called; HubSpot is called last; what it answers is
written down at once, in the table or else in the rescue queue.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from hubspot_oauth.adapters.accounts_table import Accounts, Renewal
from hubspot_oauth.adapters.aws import AWS_ERRORS, code_of, is_transient
from hubspot_oauth.adapters.credentials import ClientSecret
from hubspot_oauth.adapters.hubspot import HubSpot, for_account
from hubspot_oauth.adapters.telemetry import Report
from hubspot_oauth.adapters.vault import Sealer, Vault
from hubspot_oauth.domain import timing
from hubspot_oauth.domain.errors import (
    GrantDead,
    HubSpotError,
    Misconfigured,
    NotConfigured,
    TryLater,
    VaultError,
    VaultUnavailable,
)
from hubspot_oauth.domain.models import Account, RefreshTokenOnly, TokenAnswer, Tokens
from hubspot_oauth.refresh.breaker import Breaker
from hubspot_oauth.refresh.keeper import Keeper


@dataclass(frozen=True, slots=True)
class Refreshed:
    """New tokens are in hand, and stored or on their way to be."""

    tokens: Tokens
    issued_at: int
    expires_at: int
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing was renewed.

    Attributes:
        code: HubSpot's or ours, for the log.
        dead: Whether the account was marked as needing a re-install.
        stop: Whether the next account would fare no better: this app is misconfigured.
        retry_after: Seconds until another try makes sense.
    """

    code: str
    dead: bool = False
    stop: bool = False
    retry_after: int = 1


@dataclass(frozen=True, slots=True)
class Moved:
    """Someone else renewed the row first; read it again."""


Outcome = Refreshed | Failed | Moved


class Refresher:
    """Turns a lease into new tokens.

    Args:
        clock: Epoch seconds.
        monotonic: Monotonic seconds, for what is left of the lease.
        margin_percent: The margin's share of a lifetime.
        roll: A random number in [0, 1).
    """

    def __init__(
        self,
        *,
        accounts: Accounts,
        vault: Vault,
        hubspot: HubSpot,
        client_secret: ClientSecret,
        breaker: Breaker,
        keeper: Keeper,
        report: Report,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        margin_percent: int,
        roll: Callable[[], float] = random.random,
    ) -> None:
        self._accounts = accounts
        self._vault = vault
        self._hubspot = hubspot
        self._client_secret = client_secret
        self._breaker = breaker
        self._keeper = keeper
        self._report = report
        self._clock = clock
        self._monotonic = monotonic
        self._margin_percent = margin_percent
        self._roll = roll

    def refresh(self, leased: Account, leased_at: float, remaining: Callable[[], float]) -> Outcome:
        """Refresh the account whose lease is held.

        Args:
            leased: The row, with the lease in it.
            leased_at: When the lease was asked for, by ``monotonic``.
            remaining: Seconds the function may still run.
        """
        try:
            sealer = self._vault.sealer()
        except VaultUnavailable as error:
            return self._held_back(leased, error.code, "NoDataKey")
        try:
            tokens = self._vault.unseal(leased.sealed, leased.hub_id, leased.install_id)
            secret = self._client_secret()
        except (VaultError, NotConfigured, *AWS_ERRORS) as error:
            return self._later(leased, code_of(error.__cause__ if isinstance(error.__cause__, Exception) else error))

        def in_time() -> bool:
            return self._in_time(leased_at, remaining)

        if not in_time():
            self._release(lambda: self._accounts.let_go(leased))
            return Failed("out_of_time")
        sent_at = int(self._clock())
        try:
            answer = for_account(self._hubspot.refresh(tokens.refresh_token, secret, in_time), leased.hub_id)
        except HubSpotError as error:
            return self._failed(leased, error, sent_at)
        if isinstance(answer, RefreshTokenOnly):
            return self._half_answered(leased, answer, tokens, sealer, remaining)
        renewed = _renewed(answer, tokens, leased, sent_at)
        self._breaker.succeeded(sent_at)
        renewal = self._renewal(leased, renewed, sealer)
        return renewed if self._keeper.keep(renewal, remaining) else Moved()

    def _in_time(self, leased_at: float, remaining: Callable[[], float]) -> bool:
        """Whether lease and function both still cover HubSpot's slowest answer and its storing."""
        spent = self._monotonic() - leased_at
        return spent <= timing.PREPARE_SECONDS and remaining() >= timing.FINISH_SECONDS

    def _half_answered(
        self,
        leased: Account,
        answer: RefreshTokenOnly,
        tokens: Tokens,
        sealer: Sealer,
        remaining: Callable[[], float],
    ) -> Failed | Moved:
        """Keep the new refresh token, which may be the only living one, beside the old access token."""
        wait = timing.backoff(leased.attempts, self._roll())
        kept = Refreshed(
            Tokens(tokens.access_token, answer.refresh_token), leased.issued_at, leased.expires_at, leased.scopes
        )
        renewal = replace(self._renewal(leased, kept, sealer), refresh_at=int(self._clock() + wait) + 1)
        if not self._keeper.keep(renewal, remaining):
            return Moved()
        self._report("RefreshFailed", kind=TryLater.__name__, hub_id=leased.hub_id, code=answer.lacks)
        return Failed(answer.lacks, retry_after=max(1, int(wait)))

    def _renewal(self, leased: Account, renewed: Refreshed, sealer: Sealer) -> Renewal:
        lifetime = renewed.expires_at - renewed.issued_at
        return Renewal(
            hub_id=leased.hub_id,
            install_id=leased.install_id,
            version=leased.version,
            sealed=sealer.seal(renewed.tokens, leased.hub_id, leased.install_id),
            scopes=renewed.scopes,
            issued_at=renewed.issued_at,
            expires_at=renewed.expires_at,
            refresh_at=timing.refresh_at(renewed.issued_at, lifetime, self._margin_percent, self._roll()),
        )

    def _failed(self, leased: Account, error: HubSpotError, sent_at: int) -> Failed:
        try:
            return self._judged(leased, error, sent_at)
        except AWS_ERRORS as trouble:
            # Breaker or mark could not be written. Let go all the same: a lease that runs out leaves the row unclean,
            # and a grant that is dead indeed could not be marked for as long as the rescue queue keeps its messages.
            kind = "DeathUnproven" if isinstance(error, GrantDead) else type(error).__name__
            outcome = self._later(leased, error.code, kind=kind, retry_after=error.retry_after)
            if not is_transient(trouble):
                raise
            return outcome

    def _judged(self, leased: Account, error: HubSpotError, sent_at: int) -> Failed:
        if isinstance(error, GrantDead):
            return self._dead(leased, error, sent_at)
        kind = type(error).__name__
        if isinstance(error, Misconfigured) and self._opens_breaker(leased, error, sent_at):
            return self._held_back(leased, error.code, kind)
        return self._later(leased, error.code, kind=kind, retry_after=error.retry_after)

    def _opens_breaker(self, leased: Account, error: Misconfigured, sent_at: int) -> bool:
        """Tell the breaker; whether it is open now."""
        if error.client_level:
            self._breaker.client_refused(sent_at)
            return True
        return self._breaker.unlisted(leased.hub_id, sent_at)

    def _dead(self, leased: Account, error: GrantDead, sent_at: int) -> Failed:
        if not leased.may_be_marked(int(self._clock())):
            # Nor is it counted: one account that is tried for fourteen days is not many deaths.
            return self._later(leased, error.code, kind="DeathUnproven")
        if not self._breaker.death(sent_at):
            return self._held_back(leased, error.code, "DeathSuspended")
        if self._accounts.mark_dead(leased, error.code, int(self._clock())):
            self._report("RefreshFailed", kind="GrantDead", hub_id=leased.hub_id, code=error.code)
            return Failed(error.code, dead=True)
        return self._later(leased, error.code, kind="DeathUnproven")

    def _later(
        self, leased: Account, code: str, *, kind: str = TryLater.__name__, retry_after: int | None = None
    ) -> Failed:
        wait = max(timing.backoff(leased.attempts, self._roll()), retry_after or 0)
        self._release(lambda: self._accounts.try_later(leased, int(self._clock() + wait) + 1))
        self._report("RefreshFailed", kind=kind, hub_id=leased.hub_id, code=code, attempts=leased.attempts)
        return Failed(code, retry_after=max(1, int(wait)))

    def _held_back(self, leased: Account, code: str, kind: str) -> Failed:
        """The account is not the cause, but the breaker or KMS: it stays as due as it was, and so do those after it."""
        self._release(lambda: self._accounts.let_go(leased))
        self._report("RefreshFailed", kind=kind, hub_id=leased.hub_id, code=code)
        return Failed(code, stop=True, retry_after=timing.BACKOFF_FIRST_SECONDS)

    def _release(self, release: Callable[[], bool]) -> None:
        """Let go of the lease, as far as DynamoDB takes it now; otherwise the lease runs out by itself."""
        try:
            release()
        except AWS_ERRORS as error:
            if not is_transient(error):
                raise


def _renewed(answer: TokenAnswer, old: Tokens, leased: Account, sent_at: int) -> Refreshed:
    """HubSpot's answer over what was there: what it leaves out stays."""
    return Refreshed(
        tokens=Tokens(answer.access_token, answer.refresh_token or old.refresh_token),
        issued_at=sent_at,
        expires_at=sent_at + answer.expires_in,
        scopes=answer.scopes or leased.scopes,
    )
