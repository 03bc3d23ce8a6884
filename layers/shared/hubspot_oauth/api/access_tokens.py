"""Hands out access tokens on request, and refreshes a token that is expired, about to expire or rejected.

A request refreshes only with a lease, so two requests never refresh the same token at the same time.
"""

import secrets
from dataclasses import dataclass

from hubspot_oauth.adapters.accounts_table import AccountsTable
from hubspot_oauth.adapters.aws import AWS_ERRORS, is_transient
from hubspot_oauth.adapters.telemetry import Report
from hubspot_oauth.adapters.vault import Vault
from hubspot_oauth.domain.account import Account, GrantKey, Status
from hubspot_oauth.domain.api_errors import (
    AccountNotFound,
    AppRefused,
    AwsUnavailable,
    HubSpotUnavailable,
    NeedsReinstall,
    NotConfigured,
    Problem,
    RefreshInProgress,
    TokenRejected,
    TokensUnreadable,
    Unavailable,
    VaultUnavailable,
)
from hubspot_oauth.domain.clocks import Clock, Monotonic, Remaining, Roll, Sleep
from hubspot_oauth.domain.errors import Fault
from hubspot_oauth.domain.refresh_timing import BACKOFF_FIRST_SECONDS, DEFAULT_MIN_TTL_SECONDS, margin, young
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.tokens import AccessToken
from hubspot_oauth.refresh.breaker import Breaker
from hubspot_oauth.refresh.refresher import Moved, Refreshed, Refresher
from hubspot_oauth.refresh.verdict import Verdict

WAIT_SECONDS = 3.0
#: A token that lives for less is never handed out: the caller's request would reach HubSpot too late.
LEAST_SECONDS = 1.0
_FIRST_PAUSE_SECONDS = 0.1
_MOST_PAUSE_SECONDS = 0.8
_PROBLEM_OF: dict[Fault, type[Problem]] = {
    Fault.HUBSPOT: HubSpotUnavailable,
    Fault.APP: AppRefused,
    Fault.AWS: AwsUnavailable,
    Fault.VAULT: VaultUnavailable,
}


@dataclass(kw_only=True)
class AccessTokens:
    accounts: AccountsTable
    vault: Vault
    refresher: Refresher
    breaker: Breaker
    report: Report
    clock: Clock
    monotonic: Monotonic
    sleep: Sleep
    roll: Roll
    settings: Settings

    def get(self, key: GrantKey, min_ttl: int | None, rejected: str | None, remaining: Remaining) -> AccessToken:
        """Return the stored access token if it lives long enough, else a new one.

        If no new one can be had now, a stored token that still lives is returned even below ``min_ttl``. Its expiry is
        checked again after each call and wait.

        Args:
            key: The account.
            min_ttl: Seconds the token must still live. A value above ``refresh_timing.margin`` counts as that margin.
                The default is 60 or half the margin, whichever is less.
            rejected: The fingerprint of a token that HubSpot answered with 401. If it is still the stored token, that
                token is refreshed and never returned.
            remaining: Seconds the function may still run.

        Raises:
            AccountNotFound: The app is not installed there.
            NeedsReinstall: The grant is dead.
            TokenRejected: The stored token is the rejected one, and too young to be replaced.
            TokensUnreadable: The stored tokens cannot be unsealed.
            VaultUnavailable: KMS refuses or does not answer.
            RefreshInProgress: No stored token is usable, and its lease owner did not finish within three seconds.
            HubSpotUnavailable: No stored token is usable, and HubSpot gives no new one now.
            AppRefused: No stored token is usable, and HubSpot refuses this app.
            NotConfigured: No stored token is usable, and the client secret is not set.
            AwsUnavailable: No stored token is usable, and the last refresh failed because of AWS.
            ClientError, BotoCoreError: A call to DynamoDB failed. A usable stored token hides a transient failure.
        """
        account = self._read(key)
        stored = self._open(account)
        fallback = None
        if rejected == stored.fingerprint:
            self._check_age(account)
        elif self._left(stored) >= self._least(account, min_ttl):
            return stored
        else:
            fallback = stored
        try:
            return self._renew(account, rejected, remaining, may_wait=not self._lives(fallback))
        except (Unavailable, *AWS_ERRORS) as error:
            # Looked at again, because a slow call may have outlived the stored token.
            if fallback and self._lives(fallback) and (isinstance(error, Unavailable) or is_transient(error)):
                return fallback
            raise

    def _renew(self, account: Account, rejected: str | None, remaining: Remaining, *, may_wait: bool) -> AccessToken:
        """Refresh and return the new token, or another request's. With ``may_wait``, wait for a lease owner.

        Raises:
            Problem: There is no new token now.
        """
        if account.lease_live(self.clock()):
            # Do not try for the lease: DynamoDB would refuse the write and bill it all the same.
            return self._wait(account, rejected, may_wait=may_wait)
        if (pause := self._pause(account)) > 0:
            raise _none_now(account, account.side_at_fault, pause)
        breaker = self.breaker.state()
        if breaker.open:
            raise _none_now(account, Fault.APP, BACKOFF_FIRST_SECONDS)
        leased_at = self.monotonic()
        leased = self.accounts.lease_seen(account, secrets.token_hex(8), int(self.clock()))
        if leased is None:
            return self._wait(account, rejected, may_wait=may_wait)
        outcome = self.refresher.refresh(leased, leased_at, remaining)
        if isinstance(outcome, Moved):
            return self._open_moved(self._read(account.key), rejected)
        if isinstance(outcome, Verdict):
            if outcome.dead:
                raise _needs_reinstall(account.key)
            raise _none_now(account, outcome.fault, int(outcome.wait))
        self.report("RefreshedOnRead", hub_id=account.hub_id)
        if breaker.wants_successes(self.clock()):
            self.breaker.bring_in_successes()
        return self._usable(_handed_out(outcome, account), account)

    def _wait(self, seen: Account, rejected: str | None, *, may_wait: bool) -> AccessToken:
        """Poll the row for at most three seconds, at growing intervals, until the lease owner has stored a new token.

        The wait ends early when the row backs off, because the lease owner's refresh has then failed.
        """
        until = self.monotonic() + (WAIT_SECONDS if may_wait else 0)
        pause = _FIRST_PAUSE_SECONDS
        account = seen
        while (left := until - self.monotonic()) > 0:
            self.sleep(min(left, pause * (0.5 + self.roll())))
            pause = min(2 * pause, _MOST_PAUSE_SECONDS)
            account = self._read(seen.key)
            if (account.install_id, account.version) != (seen.install_id, seen.version):
                return self._open_moved(account, rejected)
            if (back_off := self._pause(account)) > 0:
                raise _none_now(account, account.side_at_fault, back_off)
        leased_for = max(1, (account.lease_until or 0) - int(self.clock()))
        raise RefreshInProgress(f"The token of account {seen.hub_id} is being refreshed.", retry_after=leased_for)

    def _read(self, key: GrantKey) -> Account:
        account = self.accounts.get(key)
        if account is None or account.status is Status.DISCONNECTING:
            raise AccountNotFound(f"The app is not installed in account {key.hub_id}.", hub_id=key.hub_id)
        if account.status is Status.NEEDS_REINSTALL:
            raise _needs_reinstall(key)
        return account

    def _open_moved(self, account: Account, rejected: str | None) -> AccessToken:
        """The token of a row that has changed since it was last read.

        It may still be the expired or rejected one, because some refreshes bring only a new refresh token.
        """
        return self._usable(self._open(account), account, rejected)

    def _usable(self, token: AccessToken, account: Account, rejected: str | None = None) -> AccessToken:
        """The token, unless it is the rejected one or has expired while this request waited."""
        if token.fingerprint == rejected or not self._lives(token):
            raise _none_now(account, account.side_at_fault, self._pause(account))
        return token

    def _open(self, account: Account) -> AccessToken:
        token = self.vault.unseal(account).access_token
        return AccessToken(account.hub_id, token, account.expires_at, account.scopes)

    def _check_age(self, account: Account) -> None:
        if young(self.clock() - account.issued_at, account.lifetime):
            raise TokenRejected(
                f"The token of account {account.hub_id} was issued moments ago; another one would be rejected too."
            )

    def _pause(self, account: Account) -> int:
        """Seconds until a request may refresh the row.

        ``Fault.TOKENS`` causes no wait: the worker could not unseal the tokens, but this request just has.
        """
        return 0 if account.at_fault is Fault.TOKENS else account.pause(self.clock())

    def _left(self, token: AccessToken) -> float:
        return token.expires_at - self.clock()

    def _lives(self, token: AccessToken | None) -> bool:
        return token is not None and self._left(token) >= LEAST_SECONDS

    def _least(self, account: Account, min_ttl: int | None) -> float:
        most = margin(account.lifetime, self.settings.margin_percent)
        wanted = min(DEFAULT_MIN_TTL_SECONDS, most / 2) if min_ttl is None else min(min_ttl, most)
        return max(LEAST_SECONDS, wanted)


def _handed_out(renewed: Refreshed, account: Account) -> AccessToken:
    return AccessToken(account.hub_id, renewed.tokens.access_token, renewed.expires_at, renewed.scopes)


def _needs_reinstall(key: GrantKey) -> NeedsReinstall:
    return NeedsReinstall(f"Account {key.hub_id} must install the app again.", hub_id=key.hub_id)


def _none_now(account: Account, fault: Fault, retry_after: int) -> Problem:
    """The problem that names the side at fault."""
    if fault is Fault.SETUP:
        return NotConfigured()
    if fault is Fault.TOKENS:
        return TokensUnreadable(f"The stored tokens of account {account.hub_id} do not open.")
    detail = f"No working token of account {account.hub_id} can be had right now."
    return _PROBLEM_OF[fault](detail, retry_after=max(1, retry_after))
