"""Handing out access tokens: the stored one while it is good, a new one when it is not, never two refreshes for one."""

import random
import secrets
from collections.abc import Callable

from hubspot_oauth.adapters.accounts_table import Accounts
from hubspot_oauth.adapters.aws import AWS_ERRORS, is_transient
from hubspot_oauth.adapters.telemetry import Report
from hubspot_oauth.adapters.vault import Vault
from hubspot_oauth.domain import timing
from hubspot_oauth.domain.errors import (
    AccountNotFound,
    NeedsReinstall,
    RefreshInProgress,
    TokenRejected,
    Unavailable,
    VaultError,
)
from hubspot_oauth.domain.models import Account, Status, VendedToken
from hubspot_oauth.refresh.breaker import Breaker
from hubspot_oauth.refresh.refresher import Failed, Refreshed, Refresher

WAIT_SECONDS = 3.0
_FIRST_PAUSE_SECONDS = 0.1
_MOST_PAUSE_SECONDS = 0.8


class TokenVendor:
    """Answers for one app.

    Args:
        clock: Epoch seconds.
        monotonic: Monotonic seconds.
        sleep: How to wait for another holder.
        margin_percent: The margin's share of a lifetime; ``min_ttl`` is at most that margin.
    """

    def __init__(
        self,
        *,
        accounts: Accounts,
        vault: Vault,
        refresher: Refresher,
        breaker: Breaker,
        report: Report,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
        margin_percent: int,
        roll: Callable[[], float] = random.random,
    ) -> None:
        self._accounts = accounts
        self._vault = vault
        self._refresher = refresher
        self._breaker = breaker
        self._report = report
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._margin_percent = margin_percent
        self._roll = roll

    def token(
        self, hub_id: int, min_ttl: int | None, rejected: str | None, remaining: Callable[[], float]
    ) -> VendedToken:
        """An access token that works.

        Args:
            hub_id: The account.
            min_ttl: Seconds it must still live; at most the margin, by default 60 or half the margin.
            rejected: The fingerprint of a token that got a 401: replaced only if it is still the stored one.
            remaining: Seconds the function may still run.

        Raises:
            AccountNotFound: Nobody installed the app there.
            NeedsReinstall: The grant is dead.
            TokenRejected: The stored token is the rejected one, and too young to be replaced.
            RefreshInProgress: It has expired, and whoever refreshes it is not done in three seconds.
            Unavailable: It has expired and cannot be refreshed now.
        """
        fallback: VendedToken | None = None
        try:
            account = self._read(hub_id)
            token = self._open(account)
            if rejected == token.fingerprint:
                self._check_age(account)
            elif self._left(account) >= self._least(account, min_ttl):
                return token
            elif self._left(account) > 0:
                fallback = token
            if account.lease_live(self._clock()):
                # No try for the lease: a write that is sure to be refused is billed like any other.
                return fallback or self._wait(account)
            return self._renew(account, fallback, remaining)
        except AWS_ERRORS as error:
            if not is_transient(error):
                raise
            return _either(fallback, hub_id, timing.BACKOFF_FIRST_SECONDS)

    def _renew(self, account: Account, fallback: VendedToken | None, remaining: Callable[[], float]) -> VendedToken:
        """A new token, or the fallback when there is none to be had: what is stored and still lives."""
        pause = self._pause(account)
        if pause > 0:
            return _either(fallback, account.hub_id, pause)
        breaker = self._breaker.state()
        if breaker.open:
            return _either(fallback, account.hub_id, timing.BACKOFF_FIRST_SECONDS)
        leased_at = self._monotonic()
        leased = self._accounts.lease_seen(account, secrets.token_hex(8), int(self._clock()))
        if leased is None:
            return fallback or self._wait(account)
        outcome = self._refresher.refresh(leased, leased_at, remaining)
        if isinstance(outcome, Refreshed):
            self._report("RefreshedOnRead", hub_id=account.hub_id)
            if breaker.watched(self._clock()):
                self._breaker.bring_in_successes()
            return VendedToken(account.hub_id, outcome.tokens.access_token, outcome.expires_at, outcome.scopes)
        if isinstance(outcome, Failed):
            if outcome.dead:
                raise _reinstall(account.hub_id)
            return _either(fallback, account.hub_id, outcome.retry_after)
        return self._open_live(self._read(account.hub_id))

    def _wait(self, seen: Account) -> VendedToken:
        """Look again, at growing intervals for at most three seconds, whether the holder has stored a new token.

        A row that backs off has just been tried in vain: no reason to wait on.
        """
        until = self._monotonic() + WAIT_SECONDS
        pause = _FIRST_PAUSE_SECONDS
        account = seen
        while (left := until - self._monotonic()) > 0:
            self._sleep(min(left, pause * (0.5 + self._roll())))
            pause = min(2 * pause, _MOST_PAUSE_SECONDS)
            account = self._read(seen.hub_id)
            if (account.install_id, account.version) != (seen.install_id, seen.version):
                return self._open_live(account)
            if (back_off := self._pause(account)) > 0:
                raise _unavailable(account.hub_id, back_off)
        leased_for = max(1, (account.lease_until or 0) - int(self._clock()))
        raise RefreshInProgress(f"The token of account {seen.hub_id} is being refreshed.", retry_after=leased_for)

    def _read(self, hub_id: int) -> Account:
        account = self._accounts.get(hub_id)
        if account is None or account.status is Status.DISCONNECTING:
            raise AccountNotFound(f"The app is not installed in account {hub_id}.", hub_id=hub_id)
        if account.status is Status.NEEDS_REINSTALL:
            raise _reinstall(hub_id)
        return account

    def _open_live(self, account: Account) -> VendedToken:
        """The token of a row that another holder moved on: maybe only its refresh token is new (RefreshTokenOnly)."""
        if self._left(account) <= 0:
            raise _unavailable(account.hub_id, max(1, self._pause(account)))
        return self._open(account)

    def _open(self, account: Account) -> VendedToken:
        try:
            tokens = self._vault.unseal(account.sealed, account.hub_id, account.install_id)
        except VaultError as error:
            raise Unavailable(
                f"The tokens of account {account.hub_id} cannot be opened: {type(error).__name__}.", retry_after=60
            ) from error
        return VendedToken(account.hub_id, tokens.access_token, account.expires_at, account.scopes)

    def _check_age(self, account: Account) -> None:
        if timing.young(self._clock() - account.issued_at, account.lifetime):
            raise TokenRejected(
                f"The token of account {account.hub_id} was issued moments ago; another one would be rejected too."
            )

    def _pause(self, account: Account) -> int:
        """Seconds until another try makes sense after tries that came to nothing; 0 when none did.

        A row due only after its token has expired is one that HubSpot gave no access token for (RefreshTokenOnly).
        """
        if account.refresh_at is None or account.lease_live(self._clock()):
            return 0
        if not account.attempts and account.refresh_at <= account.expires_at:
            return 0
        return max(0, account.refresh_at - int(self._clock()))

    def _left(self, account: Account) -> float:
        return account.expires_at - self._clock()

    def _least(self, account: Account, min_ttl: int | None) -> float:
        margin = timing.margin(account.lifetime, self._margin_percent)
        if min_ttl is None:
            return min(timing.DEFAULT_MIN_TTL_SECONDS, margin / 2)
        return max(1.0, min(min_ttl, margin))


def _reinstall(hub_id: int) -> NeedsReinstall:
    return NeedsReinstall(f"Account {hub_id} must install the app again.", hub_id=hub_id)


def _either(fallback: VendedToken | None, hub_id: int, retry_after: int) -> VendedToken:
    """The fallback, which still lives; without one the caller is to come back."""
    if fallback is None:
        raise _unavailable(hub_id, retry_after)
    return fallback


def _unavailable(hub_id: int, retry_after: int) -> Unavailable:
    return Unavailable(f"No working token of account {hub_id} can be had right now.", retry_after=retry_after)
