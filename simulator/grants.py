"""Grants: which app may act in which account on whose behalf, and the tokens that prove it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.journal import fingerprint

# Expired access tokens are remembered this long, so that they are told apart from unknown ones.
REMEMBERED_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An issued access token; its scopes never change. `hub_id` is None for a client-credentials token."""

    value: str = field(repr=False)
    client_id: str
    hub_id: int | None
    user_id: int | None
    scopes: tuple[str, ...]
    expires_at: float


@dataclass(slots=True, eq=False)
class Grant:
    """One user's install of one app in one account. A grant without a refresh token is dead."""

    client_id: str
    hub_id: int
    user_id: int
    scopes: tuple[str, ...]
    refresh_token: str | None = field(default=None, repr=False)
    access: deque[AccessToken] = field(default_factory=deque, repr=False)


class Grants:
    """Every grant and every token; the caller holds the simulator's lock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_owner: dict[tuple[str, int], dict[int, Grant]] = {}
        self._by_refresh_token: dict[str, Grant] = {}
        self._access: dict[str, AccessToken] = {}
        self._dead: dict[str, int] = {}

    def of(self, client_id: str, hub_id: int) -> list[Grant]:
        """The app's grants in this account, one for each user who installed it."""
        return list(self._by_owner.get((client_id, hub_id), {}).values())

    def add(self, grant: Grant) -> Grant:
        """The user's grant: this one, or the one they already had with the new scopes."""
        owned = self._by_owner.setdefault((grant.client_id, grant.hub_id), {})
        known = owned.setdefault(grant.user_id, grant)
        known.scopes = grant.scopes
        return known

    def give_refresh_token(self, grant: Grant, value: str) -> None:
        """A new refresh token for the grant; the one before is dead at once."""
        self.end(grant)
        grant.refresh_token = value
        self._by_refresh_token[value] = grant

    def give_access_token(self, token: AccessToken, grant: Grant | None = None) -> None:
        """Remember an issued access token, and forget those long expired."""
        self._access[token.value] = token
        if grant is None:
            return
        grant.access.append(token)
        while grant.access[0].expires_at < self._clock() - REMEMBERED_SECONDS:
            self._access.pop(grant.access.popleft().value, None)

    def find(self, refresh_token: str) -> Grant | None:
        """The grant this refresh token is alive for."""
        return self._by_refresh_token.get(refresh_token)

    def access_token(self, value: str) -> AccessToken | None:
        """The access token with this value, live or expired."""
        return self._access.get(value)

    def is_live(self, token: AccessToken) -> bool:
        """Whether the token has not expired yet."""
        return self._clock() < token.expires_at

    def hub_of(self, token: str) -> int | None:
        """The account that a token of any kind, dead or alive, belongs to."""
        if grant := self._by_refresh_token.get(token):
            return grant.hub_id
        if access := self._access.get(token):
            return access.hub_id
        return self._dead.get(fingerprint(token))

    def end(self, grant: Grant) -> None:
        """Kill the refresh token; access tokens already issued live on to their expiry."""
        if grant.refresh_token is not None:
            del self._by_refresh_token[grant.refresh_token]
            self._dead[fingerprint(grant.refresh_token)] = grant.hub_id
            grant.refresh_token = None

    def uninstall(self, client_id: str, hub_id: int) -> bool:
        """Remove the app from the account with all tokens, access tokens too (assumed). False: was not installed."""
        owned = self._by_owner.pop((client_id, hub_id), {})
        for grant in owned.values():
            self.end(grant)
            for token in grant.access:
                self._dead[fingerprint(token.value)] = hub_id
                self._access.pop(token.value, None)
        return bool(owned)
