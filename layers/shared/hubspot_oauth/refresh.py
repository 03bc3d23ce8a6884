"""Refreshing one account: the one path from a lease to a commit, whoever asked for it.

Everything that can fail on our side is in hand before HubSpot is called; HubSpot is called last; what it answers is
written down at once, in the table or else in the rescue queue.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from hubspot_oauth import lifetimes
from hubspot_oauth.accounts import Accounts, Renewal
from hubspot_oauth.breaker import Breaker
from hubspot_oauth.credentials import ClientSecret
from hubspot_oauth.errors import GrantDead, HubSpotError, Misconfigured, NotConfigured, TryLater, VaultError
from hubspot_oauth.hubspot import HubSpot
from hubspot_oauth.models import Account, TokenAnswer, Tokens
from hubspot_oauth.rescue import RescueQueue
from hubspot_oauth.vault import Vault


class Report(Protocol):
    """Counts what happened: a metric's name, its value, and the evidence for the log."""

    def __call__(self, name: str, value: float = 1, **evidence: object) -> None:
        """Count ``value`` under ``name``."""


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
        rescue: RescueQueue,
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
        self._rescue = rescue
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
            tokens = self._vault.unseal(leased.sealed, leased.hub_id, leased.install_id)
            secret = self._client_secret()
        except (VaultError, NotConfigured, ClientError, BotoCoreError) as error:
            return self._later(leased, type(error).__name__)

        def in_time() -> bool:
            return self._in_time(leased_at, remaining)

        if not in_time():
            self._accounts.let_go(leased)
            return Failed("out_of_time")
        sent_at = int(self._clock())
        try:
            answer = self._ask(leased.hub_id, tokens, secret, in_time)
        except HubSpotError as error:
            return self._failed(leased, error, sent_at)
        renewed = _renewed(answer, tokens, leased, sent_at)
        sealed = sealer.seal(renewed.tokens, leased.hub_id, leased.install_id)
        return renewed if self._keep(self._renewal(leased, renewed, sealed)) else Moved()

    def _in_time(self, leased_at: float, remaining: Callable[[], float]) -> bool:
        """Whether lease and function both still cover HubSpot's slowest answer and its storing."""
        spent = self._monotonic() - leased_at
        return spent <= lifetimes.PREPARE_SECONDS and remaining() >= lifetimes.FINISH_SECONDS

    def _ask(self, hub_id: int, tokens: Tokens, secret: str, in_time: Callable[[], bool]) -> TokenAnswer:
        """HubSpot's answer; with a client secret that was rotated a moment ago, its second one."""
        try:
            answer = self._hubspot.refresh(tokens.refresh_token, secret)
        except Misconfigured as error:
            if not (error.client_level and in_time() and self._client_secret.changed_from(secret)):
                raise
            answer = self._hubspot.refresh(tokens.refresh_token, self._client_secret())
        if answer.hub_id not in (None, hub_id):
            raise Misconfigured("answer_for_another_account", 200)
        return answer

    def _renewal(self, leased: Account, renewed: Refreshed, sealed: bytes) -> Renewal:
        lifetime = renewed.expires_at - renewed.issued_at
        return Renewal(
            hub_id=leased.hub_id,
            install_id=leased.install_id,
            version=leased.version,
            sealed=sealed,
            scopes=renewed.scopes,
            issued_at=renewed.issued_at,
            expires_at=renewed.expires_at,
            refresh_at=lifetimes.refresh_at(renewed.issued_at, lifetime, self._margin_percent, self._roll()),
        )

    def _keep(self, renewal: Renewal) -> bool:
        """Store the renewal, in the table or in the rescue queue; False when the row has moved on."""
        try:
            return self._accounts.commit(renewal, int(self._clock()))
        except (ClientError, BotoCoreError) as error:
            self._report("RescueMessages", hub_id=renewal.hub_id, cause=type(error).__name__)
            self._rescue.put(renewal)
            return True

    def _failed(self, leased: Account, error: HubSpotError, sent_at: int) -> Failed:
        if isinstance(error, GrantDead):
            return self._dead(leased, error, sent_at)
        stop = False
        if isinstance(error, Misconfigured):
            stop = self._misconfigured(leased, error, sent_at)
        return self._later(leased, error.code, kind=type(error).__name__, retry_after=error.retry_after, stop=stop)

    def _misconfigured(self, leased: Account, error: Misconfigured, sent_at: int) -> bool:
        if error.client_level:
            self._breaker.client_refused(sent_at)
            return True
        return self._breaker.unlisted(leased.hub_id, sent_at)

    def _dead(self, leased: Account, error: GrantDead, sent_at: int) -> Failed:
        if not self._breaker.death(sent_at):
            return self._later(leased, error.code, kind="DeathSuspended", stop=True)
        if self._accounts.mark_dead(leased, error.code, int(self._clock())):
            self._report("RefreshFailed", kind="GrantDead", hub_id=leased.hub_id, code=error.code)
            return Failed(error.code, dead=True)
        return self._later(leased, error.code, kind="DeathUnproven")

    def _later(
        self,
        leased: Account,
        code: str,
        *,
        kind: str = TryLater.__name__,
        retry_after: int | None = None,
        stop: bool = False,
    ) -> Failed:
        wait = max(lifetimes.backoff(leased.attempts, self._roll()), retry_after or 0)
        self._accounts.try_later(leased, int(self._clock() + wait) + 1)
        self._report("RefreshFailed", kind=kind, hub_id=leased.hub_id, code=code, attempts=leased.attempts)
        return Failed(code, stop=stop, retry_after=max(1, int(wait)))


def _renewed(answer: TokenAnswer, old: Tokens, leased: Account, sent_at: int) -> Refreshed:
    """HubSpot's answer over what was there: what it leaves out stays."""
    return Refreshed(
        tokens=Tokens(answer.access_token, answer.refresh_token or old.refresh_token),
        issued_at=sent_at,
        expires_at=sent_at + answer.expires_in,
        scopes=answer.scopes or leased.scopes,
    )
