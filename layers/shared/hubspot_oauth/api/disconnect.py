"""``DELETE /accounts/{hub_id}``: the app leaves an account, at HubSpot and here.

First the row is marked, under a new version: from then on nobody refreshes it or hands out its token. Then HubSpot is
told, and last the row goes, whatever HubSpot said; but not for a fault of our own, since the row has the only refresh
token there is to revoke. A re-install in between wins the row; should HubSpot have ended its grant as well, its first
refresh finds out and it is asked to install again. A call that died half-way is simply made again.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from hubspot_oauth.adapters.accounts_table import Accounts
from hubspot_oauth.adapters.credentials import ClientSecret
from hubspot_oauth.adapters.hubspot import HubSpot, for_account
from hubspot_oauth.adapters.telemetry import Report
from hubspot_oauth.adapters.vault import Vault
from hubspot_oauth.domain.errors import (
    AccountNotFound,
    HubSpotError,
    InvalidRequest,
    Misconfigured,
    Unavailable,
    Unsealable,
    VaultUnavailable,
)
from hubspot_oauth.domain.models import Account, RefreshTokenOnly, Tokens

_LIVE_SECONDS = 30  # what an access token must still live to be used for the uninstall


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


class Disconnector:
    """Disconnects accounts of one app.

    Args:
        clock: Epoch seconds.
    """

    def __init__(
        self,
        *,
        accounts: Accounts,
        vault: Vault,
        hubspot: HubSpot,
        client_secret: ClientSecret,
        report: Report,
        clock: Callable[[], float],
    ) -> None:
        self._accounts = accounts
        self._vault = vault
        self._hubspot = hubspot
        self._client_secret = client_secret
        self._report = report
        self._clock = clock

    def disconnect(self, hub_id: int, *, uninstall: bool) -> Disconnected:
        """Leave the account.

        Args:
            hub_id: The account.
            uninstall: Whether HubSpot shall also take the app out of it. HubSpot then e-mails the account's admins.

        Raises:
            AccountNotFound: Nobody installed the app there.
            NotConfigured: The client secret is not set; nothing was done.
            Unavailable: KMS does not answer, or HubSpot refuses our own client. Nobody gets a token of this account any
                more; the call is to be made again.
        """
        self._client_secret()
        leaving = self._accounts.leave(hub_id, int(self._clock()))
        if leaving is None:
            raise AccountNotFound(f"The app is not installed in account {hub_id}.", hub_id=hub_id)
        uninstalled, revoked = self._at_hubspot(leaving, uninstall=uninstall)
        forgotten = self._accounts.forget(leaving)
        done = Disconnected(hub_id, uninstalled if uninstall else None, revoked, forgotten)
        self._report("Disconnected", 1, **done.body())
        return done

    def _at_hubspot(self, leaving: Account, *, uninstall: bool) -> tuple[bool, bool]:
        """Whether HubSpot uninstalled the app, and whether it revoked the grant."""
        try:
            tokens = self._vault.unseal(leaving.sealed, leaving.hub_id, leaving.install_id)
        except Unsealable:
            return False, False
        except VaultUnavailable as error:
            raise _not_now(leaving.hub_id) from error
        uninstalled = False
        if uninstall:
            with self._remote(leaving.hub_id):
                tokens = self._live(leaving, tokens)
                self._hubspot.uninstall(tokens.access_token)
                uninstalled = True
        with self._remote(leaving.hub_id):
            self._hubspot.revoke(tokens.refresh_token)
            return uninstalled, True
        return uninstalled, False

    @contextmanager
    def _remote(self, hub_id: int) -> Iterator[None]:
        """What HubSpot cannot do now holds nothing up; that it does not know our client is our own fault."""
        try:
            yield
        except Misconfigured as error:
            if error.client_level:
                raise _not_now(hub_id) from error
        except HubSpotError:
            pass

    def _live(self, leaving: Account, tokens: Tokens) -> Tokens:
        """Tokens whose access token still lives. Nobody else refreshes a row that is being left, so none are stored."""
        if leaving.expires_at - self._clock() > _LIVE_SECONDS:
            return tokens
        answer = for_account(self._hubspot.refresh(tokens.refresh_token, self._client_secret()), leaving.hub_id)
        if isinstance(answer, RefreshTokenOnly):
            return Tokens(tokens.access_token, answer.refresh_token)
        return Tokens(answer.access_token, answer.refresh_token or tokens.refresh_token)


def _not_now(hub_id: int) -> Unavailable:
    return Unavailable(f"Account {hub_id} is being left, but not all of it can be done right now.", retry_after=30)


def asks_to_uninstall(query: Mapping[str, str]) -> bool:
    """``uninstall`` of the query.

    Raises:
        InvalidRequest: It is neither ``true`` nor ``false``.
    """
    value = query.get("uninstall", "false")
    if value not in ("true", "false"):
        raise InvalidRequest("uninstall is neither true nor false.", field="uninstall")
    return value == "true"
