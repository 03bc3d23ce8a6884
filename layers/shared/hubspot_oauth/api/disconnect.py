"""``DELETE /accounts/{hub_id}`` disconnects an account, at HubSpot and here.

1. The row becomes ``disconnecting`` and gets a new version. The schedule and the token route no longer use its tokens.
2. HubSpot uninstalls the app, if the caller asked for that, and revokes the grant.
3. The row is deleted, even if HubSpot failed in step 2, or if its tokens cannot be unsealed, which no retry mends. The
   row stays if KMS does not answer or HubSpot refuses our own client, because it has the only refresh token that a
   later call can revoke.

If the app is installed again in between, the new install's row stays. If HubSpot also ended the new grant, the first
refresh fails and the account is marked dead. A caller may repeat a request that failed half-way.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from hubspot_oauth.adapters.accounts_table import AccountsTable
from hubspot_oauth.adapters.api_gateway import Event, Query, Response, hub_id_of, json_answer
from hubspot_oauth.adapters.client_secret import ClientSecret
from hubspot_oauth.adapters.hubspot import HubSpot
from hubspot_oauth.adapters.telemetry import Report
from hubspot_oauth.adapters.vault import Vault
from hubspot_oauth.api.signed_calls import SignedCalls
from hubspot_oauth.domain.account import Account, GrantKey
from hubspot_oauth.domain.api_errors import (
    AccountNotFound,
    AppRefused,
    InvalidRequest,
    TokensUnreadable,
    VaultUnavailable,
)
from hubspot_oauth.domain.clocks import Clock
from hubspot_oauth.domain.errors import HubSpotError, Misconfigured
from hubspot_oauth.domain.tokens import RefreshTokenOnly, Tokens

_LIVE_SECONDS = 30  # an access token that expires sooner is refreshed before the uninstall
_AGAIN_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The result of a disconnect.

    Attributes:
        uninstalled: Whether HubSpot uninstalled the app; None when the caller did not ask for that.
        revoked: Whether HubSpot revoked the grant.
        forgotten: Whether the row was deleted; False when the app was installed again in between.
    """

    hub_id: int
    uninstalled: bool | None
    revoked: bool
    forgotten: bool

    def body(self) -> dict[str, object]:
        """The content of the JSON answer."""
        asked = {} if self.uninstalled is None else {"uninstalled": self.uninstalled}
        return {"hub_id": self.hub_id, **asked, "revoked": self.revoked, "forgotten": self.forgotten}


@dataclass(kw_only=True)
class DisconnectRoute:
    accounts: AccountsTable
    vault: Vault
    hubspot: HubSpot
    client_secret: ClientSecret
    report: Report
    signed_calls: SignedCalls
    clock: Clock

    def answer(self, event: Event) -> Response:
        """Disconnect the account of the path; answer with what was done, or with a problem."""

        def leave(query: Query) -> Response:
            hub_id, uninstall = hub_id_of(event), asks_to_uninstall(query)
            return json_answer(200, self.disconnect(hub_id, uninstall=uninstall).body())

        return self.signed_calls.answer(event, leave)

    def disconnect(self, hub_id: int, *, uninstall: bool) -> Disconnected:
        """Disconnect the account.

        Args:
            hub_id: The account.
            uninstall: Whether HubSpot also uninstalls the app. HubSpot then e-mails the account's admins.

        Raises:
            AccountNotFound: The app is not installed there.
            NotConfigured: The client secret is not set; nothing was done.
            VaultUnavailable: KMS refuses or does not answer. The account stays ``disconnecting``; call again.
            AppRefused: HubSpot refuses our client id or secret. The account stays ``disconnecting``; call again.
        """
        self.client_secret()
        leaving = self.accounts.begin_disconnect(GrantKey.of_account(hub_id), int(self.clock()))
        if leaving is None:
            raise AccountNotFound(f"The app is not installed in account {hub_id}.", hub_id=hub_id)
        uninstalled, revoked = self._at_hubspot(leaving, uninstall=uninstall)
        forgotten = self.accounts.forget(leaving)
        done = Disconnected(hub_id, uninstalled if uninstall else None, revoked, forgotten)
        self.report("Disconnected", 1, **done.body())
        return done

    def _at_hubspot(self, leaving: Account, *, uninstall: bool) -> tuple[bool, bool]:
        """Uninstall if asked, and revoke; return whether each of the two succeeded."""
        try:
            tokens = self.vault.unseal(leaving)
        except TokensUnreadable:
            return False, False
        except VaultUnavailable as error:
            detail = f"Account {leaving.hub_id} is being disconnected, but its tokens cannot be unsealed right now:"
            raise VaultUnavailable(detail, retry_after=_AGAIN_SECONDS, aws_code=error.aws_code) from error
        uninstalled = False
        if uninstall:
            with self._remote(leaving.hub_id):
                tokens = self._live(leaving, tokens)
                self.hubspot.uninstall(tokens.access_token)
                uninstalled = True
        with self._remote(leaving.hub_id):
            self.hubspot.revoke(tokens.refresh_token)
            return uninstalled, True
        return uninstalled, False

    @contextmanager
    def _remote(self, hub_id: int) -> Iterator[None]:
        """Ignore a failure of HubSpot's, but raise ``AppRefused`` if it refuses our client id or secret."""
        try:
            yield
        except Misconfigured as error:
            if error.client_level:
                detail = f"Account {hub_id} is being disconnected, but HubSpot refuses this app: {error.code}."
                raise AppRefused(detail, retry_after=_AGAIN_SECONDS) from error
        except HubSpotError:
            pass

    def _live(self, leaving: Account, tokens: Tokens) -> Tokens:
        """Refresh the tokens if the access token is about to expire.

        The new tokens are not stored: the row is deleted next, and no one else refreshes a ``disconnecting`` row.
        If HubSpot refuses our client id or secret after this refresh, the row stays with its old tokens.
        """
        if leaving.expires_at - self.clock() > _LIVE_SECONDS:
            return tokens
        answer = self.hubspot.refresh(tokens.refresh_token, self.client_secret(), leaving.hub_id)
        if isinstance(answer, RefreshTokenOnly):
            return Tokens(tokens.access_token, answer.refresh_token)
        return Tokens(answer.access_token, answer.refresh_token or tokens.refresh_token)


def asks_to_uninstall(query: Mapping[str, str]) -> bool:
    """The ``uninstall`` parameter of the query; False by default.

    Raises:
        InvalidRequest: It is neither ``true`` nor ``false``.
    """
    value = query.get("uninstall", "false")
    if value not in ("true", "false"):
        raise InvalidRequest("uninstall is neither true nor false.", field="uninstall")
    return value == "true"
