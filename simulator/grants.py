"""Grants: which app may act in which account for which user, and the tokens issued for them."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.journal import fingerprint

# An expired access token gets EXPIRED_AUTHENTICATION for this long; after that it is unknown.
REMEMBERED_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Its scopes never change. A client-credentials token has neither `hub_id` nor `user_id`."""

    value: str = field(repr=False)
    client_id: str
    hub_id: int | None
    user_id: int | None
    scopes: tuple[str, ...]
    expires_at: float


@dataclass(slots=True, eq=False)
class Grant:
    """One user's install of one app in one account. It is dead while it has no refresh token."""

    client_id: str
    hub_id: int
    user_id: int
    scopes: tuple[str, ...]
    refresh_token: str | None = field(default=None, repr=False)
    access: deque[AccessToken] = field(default_factory=deque, repr=False)


class Grants:
    """Every grant and every token. Callers hold the simulator's lock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_owner: dict[tuple[str, int], dict[int, Grant]] = {}
        self._by_refresh_token: dict[str, Grant] = {}
        self._access: dict[str, AccessToken] = {}
        self._dead: dict[str, int] = {}  # fingerprint -> hub_id

    def of(self, client_id: str, hub_id: int) -> list[Grant]:
        """The app's grants in this account, one for each user who installed it."""
        return list(self._by_owner.get((client_id, hub_id), {}).values())

    def add(self, grant: Grant) -> Grant:
        """Add the grant, or give its scopes to the one this user already has; return the one that is kept."""
        owned = self._by_owner.setdefault((grant.client_id, grant.hub_id), {})
        known = owned.setdefault(grant.user_id, grant)
        known.scopes = grant.scopes
        return known

    def give_refresh_token(self, grant: Grant, value: str) -> None:
        """Replace the grant's refresh token; the previous one is dead at once."""
        self.end(grant)
        grant.refresh_token = value
        self._by_refresh_token[value] = grant

    def give_access_token(self, token: AccessToken, grant: Grant | None = None) -> None:
        """Add an access token, and forget those of the grant that expired long ago."""
        self._access[token.value] = token
        if grant is None:
            return
        grant.access.append(token)
        while grant.access[0].expires_at < self._clock() - REMEMBERED_SECONDS:
            self._access.pop(grant.access.popleft().value, None)

    def find(self, refresh_token: str) -> Grant | None:
        """Find the grant of a live refresh token."""
        return self._by_refresh_token.get(refresh_token)

    def access_token(self, value: str) -> AccessToken | None:
        """Find an access token, live or expired."""
        return self._access.get(value)

    def is_live(self, token: AccessToken) -> bool:
        return self._clock() < token.expires_at

    def hub_of(self, token: str) -> int | None:
        """The account of a token of either kind, dead ones included."""
        if grant := self._by_refresh_token.get(token):
            return grant.hub_id
        if access := self._access.get(token):
            return access.hub_id
        return self._dead.get(fingerprint(token))

    def end(self, grant: Grant) -> None:
        """End the refresh token. Access tokens already issued live on to their expiry."""
        if grant.refresh_token is not None:
            del self._by_refresh_token[grant.refresh_token]
            self._dead[fingerprint(grant.refresh_token)] = grant.hub_id
            grant.refresh_token = None

    def uninstall(self, client_id: str, hub_id: int) -> bool:
        """Remove the app with all tokens, access tokens too (assumed); False if it was not installed."""
        owned = self._by_owner.pop((client_id, hub_id), {})
        for grant in owned.values():
            self.end(grant)
            for token in grant.access:
                self._dead[fingerprint(token.value)] = hub_id
                self._access.pop(token.value, None)
        return bool(owned)
