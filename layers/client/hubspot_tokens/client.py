"""``Client`` hands out access tokens of one stack's accounts."""

import asyncio
import os
from collections.abc import Sequence
from weakref import WeakSet

from hubspot_tokens.api import TokenApi
from hubspot_tokens.cache import Flight, TokenCache
from hubspot_tokens.discovery import Session
from hubspot_tokens.tokens import Ask, Token, fingerprint


class Client:
    """Access tokens of one HubSpot app's accounts. Safe for threads, event loops and forked processes.

    Tokens are cached in this process. Among its threads one request at a time is sent for each account, and whoever
    asks meanwhile waits for that answer. If the service is away, a cached token is handed out while it still lives.

    Args:
        url: The stack's output ``TokenApiUrl``. The default is the environment's ``HUBSPOT_OAUTH_URL``, else what the
            stack has published.
        stack: The stack's name, for that look-up. The default is the environment's ``HUBSPOT_OAUTH_STACK``.
        session: A boto3 or botocore session whose credentials sign. The default finds them as every AWS SDK does.
        region: The region that signatures name. The API's own host name says it; behind a custom domain the default is
            ``AWS_REGION``, ``AWS_DEFAULT_REGION`` or the session's.
    """

    def __init__(
        self,
        url: str | None = None,
        session: Session | None = None,
        region: str | None = None,
        *,
        stack: str | None = None,
    ) -> None:
        self._cache = TokenCache(TokenApi(url, stack, region, session).token)
        _living.add(self)

    def get_access_token(
        self, hub_id: int, *, min_ttl: int | None = None, force_refresh: bool = False, scopes: Sequence[str] = ()
    ) -> str:
        """The ``access_token`` of ``get_token``."""
        return self.get_token(hub_id, min_ttl=min_ttl, force_refresh=force_refresh, scopes=scopes).access_token

    def get_token(
        self,
        hub_id: int,
        *,
        min_ttl: int | None = None,
        force_refresh: bool = False,
        rejected: str | None = None,
        scopes: Sequence[str] = (),
    ) -> Token:
        """A token of the account that works.

        Args:
            hub_id: HubSpot's number for the account.
            min_ttl: Seconds the token must still live. The default is 60, or a tenth of its life if that is less. What
                exceeds a third of a token's life is asked for in vain, and costs a request each time.
            force_refresh: Replace the current token, because HubSpot rejected it.
            rejected: The access token that HubSpot rejected. It is replaced only if it is still the current one, so
                many workers may say so at once. Better than ``force_refresh`` where the token is at hand.
            scopes: Scopes that the account must have granted.

        Raises:
            AccountNotFound: The app is not installed there.
            ReinstallRequired: The grant is dead; its ``install_url`` mends it.
            ScopesMissing: The account has not granted one of ``scopes``.
            TokenRejected: The rejected token was issued moments ago.
            Unavailable: There is no token now.
            NotAllowed, NotConfigured, Refused: The set-up or the call is at fault.
            ValueError: An argument is malformed.
        """
        if force_refresh and rejected is None:
            rejected = self.get_token(hub_id).access_token
        ask = _ask(hub_id, min_ttl, rejected, scopes)
        while True:
            found = self._cache.look(ask)
            if isinstance(found, Token):
                return found
            if found.flies:
                self._cache.fly(found.flight)
            if found.flight.ask != ask:
                found.flight.answer.exception()  # waits, and leaves the outcome to whoever asked for it
            elif landed := found.flight.landed():
                return landed

    async def get_token_async(
        self,
        hub_id: int,
        *,
        min_ttl: int | None = None,
        force_refresh: bool = False,
        rejected: str | None = None,
        scopes: Sequence[str] = (),
    ) -> Token:
        """``get_token`` for asyncio. A cached token is there at once.

        Else one thread of the loop's default executor sends the request, and every task that wants this account's
        token waits for it without a thread of its own.
        """
        if force_refresh and rejected is None:
            rejected = (await self.get_token_async(hub_id)).access_token
        ask = _ask(hub_id, min_ttl, rejected, scopes)
        while True:
            found = self._cache.look(ask)
            if isinstance(found, Token):
                return found
            if found.flies:
                self._fly_in_a_thread(found.flight)
            await asyncio.wait([asyncio.wrap_future(found.flight.answer)])  # cancelled, it leaves the flight to others
            if found.flight.ask == ask and (landed := found.flight.landed()):
                return landed

    def _fly_in_a_thread(self, flight: Flight) -> None:
        try:
            asyncio.get_running_loop().run_in_executor(None, self._cache.fly, flight)
        except BaseException:
            self._cache.give_up(flight)
            raise

    def forget(self, hub_id: int) -> None:
        """Forget the account's cached token, for instance after the account was disconnected."""
        self._cache.forget(hub_id)

    def _forget_all(self) -> None:
        self._cache.forget_all()


_living: WeakSet[Client] = WeakSet()


def _begin_anew_in_a_child() -> None:
    for client in _living:
        client._forget_all()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew_in_a_child)


#: The client behind the functions of this package. It looks nothing up before its first call.
DEFAULT = Client()


def _ask(hub_id: int, min_ttl: int | None, rejected: str | None, scopes: Sequence[str]) -> Ask:
    if isinstance(scopes, str):
        scopes = scopes.split()
    return Ask(hub_id, min_ttl, None if rejected is None else fingerprint(rejected), tuple(scopes))
