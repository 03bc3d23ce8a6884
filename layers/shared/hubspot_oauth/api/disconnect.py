"""``DELETE /accounts/{hub_id}``: the app leaves an account, at HubSpot and here.

First the row is marked, under a new version: from then on nobody refreshes it or hands out its token. Then HubSpot is
told, and last the row goes, whatever HubSpot said; but not for a fault of our own, since the row has the only refresh
token there is to revoke. A re-install in between wins the row; should HubSpot have ended its grant as well, its first
refresh finds out and it is asked to install again. A call that died half-way is simply made again.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from hubspot_oauth.adapters.accounts_table import AccountsTable
from hubspot_oauth.adapters.api_gateway import Event, Response, hub_id_of, json_answer
from hubspot_oauth.adapters.client_secret import ClientSecret
from hubspot_oauth.adapters.hubspot import HubSpot
from hubspot_oauth.adapters.hubspot_answers import for_account
from hubspot_oauth.adapters.telemetry import Report
from hubspot_oauth.adapters.vault import Vault
from hubspot_oauth.api.problems import Problems
from hubspot_oauth.domain.account import Account, GrantKey
from hubspot_oauth.domain.errors import (
    AccountNotFound,
    AppRefused,
    HubSpotError,
    InvalidRequest,
    Misconfigured,
    TokensUnreadable,
)
from hubspot_oauth.domain.timing import Clock
from hubspot_oauth.domain.tokens import RefreshTokenOnly, Tokens

_LIVE_SECONDS = 30  # what an access token must still live to be used for the uninstall
_AGAIN_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Disconnected:
    """What was done.

    Attributes:
        uninstalled: Whether HubSpot took the app out of the account; None when that was not asked for.
        revoked: Whether HubSpot ended the grant.
        forgotten: Whether the row is gone; False when the app was installed again in between.
    """

    hub_id: int
    uninstalled: bool | None
    revoked: bool
    forgotten: bool

    def body(self) -> dict[str, object]:
        """The answer's JSON."""
        asked = {} if self.uninstalled is None else {"uninstalled": self.uninstalled}
        return {"hub_id": self.hub_id, **asked, "revoked": self.revoked, "forgotten": self.forgotten}


@dataclass(kw_only=True)
class DisconnectRoute:
    """Disconnects accounts."""

    accounts: AccountsTable
    vault: Vault
    hubspot: HubSpot
    client_secret: ClientSecret
    report: Report
    problems: Problems
    clock: Clock

    def answer(self, event: Event) -> Response:
        """What was done, or a problem."""

        def leave(query: dict[str, str]) -> Response:
            hub_id, uninstall = hub_id_of(event), asks_to_uninstall(query)
            return json_answer(200, self.disconnect(hub_id, uninstall=uninstall).body())

        return self.problems.answer(event, leave)

    def disconnect(self, hub_id: int, *, uninstall: bool) -> Disconnected:
        """Leave the account.

        Args:
            hub_id: The account.
            uninstall: Whether HubSpot shall also take the app out of it. HubSpot then e-mails the account's admins.

        Raises:
            AccountNotFound: The app is not installed there.
            NotConfigured: The client secret is not set; nothing was done.
            VaultUnavailable: KMS does not answer. The account's tokens are handed out no more; call again.
            AppRefused: HubSpot refuses our own client. The account's tokens are handed out no more; call again.
        """
        self.client_secret()
        leaving = self.accounts.leave(GrantKey(hub_id), int(self.clock()))
        if leaving is None:
            raise AccountNotFound(f"The app is not installed in account {hub_id}.", hub_id=hub_id)
        uninstalled, revoked = self._at_hubspot(leaving, uninstall=uninstall)
        forgotten = self.accounts.forget(leaving)
        done = Disconnected(hub_id, uninstalled if uninstall else None, revoked, forgotten)
        self.report("Disconnected", 1, **done.body())
        return done

    def _at_hubspot(self, leaving: Account, *, uninstall: bool) -> tuple[bool, bool]:
        """Whether HubSpot uninstalled the app, and whether it revoked the grant."""
        try:
            tokens = self.vault.unseal(leaving)
        except TokensUnreadable:
            return False, False
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
        """What HubSpot cannot do now holds nothing up; that it does not know our client is our own fault."""
        try:
            yield
        except Misconfigured as error:
            if error.client_level:
                detail = f"Account {hub_id} is being left, but HubSpot refuses this app: {error.code}."
                raise AppRefused(detail, retry_after=_AGAIN_SECONDS) from error
        except HubSpotError:
            pass

    def _live(self, leaving: Account, tokens: Tokens) -> Tokens:
        """Tokens whose access token still lives. Nobody else refreshes a row that is being left, so none are stored."""
        if leaving.expires_at - self.clock() > _LIVE_SECONDS:
            return tokens
        answer = for_account(self.hubspot.refresh(tokens.refresh_token, self.client_secret()), leaving.hub_id)
        if isinstance(answer, RefreshTokenOnly):
            return Tokens(tokens.access_token, answer.refresh_token)
        return Tokens(answer.access_token, answer.refresh_token or tokens.refresh_token)


def asks_to_uninstall(query: Mapping[str, str]) -> bool:
    """``uninstall`` of the query.

    Raises:
        InvalidRequest: It is neither ``true`` nor ``false``.
    """
    value = query.get("uninstall", "false")
    if value not in ("true", "false"):
        raise InvalidRequest("uninstall is neither true nor false.", field="uninstall")
    return value == "true"
