"""One simulated HubSpot, without HTTP: its state, clock, randomness and lock."""

import os
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from simulator.codes import Code, Codes
from simulator.configuration import SimulatorSettings
from simulator.crm import Crm
from simulator.faults import Faults
from simulator.grants import AccessToken, Grant, Grants
from simulator.journal import Journal
from simulator.portals import Account


class Simulator:
    """Hold `lock` while you read or change codes and grants. Tests hand in clock, randomness and sleep."""

    def __init__(
        self,
        settings: SimulatorSettings | None = None,
        *,
        clock: Callable[[], float] = time.time,
        entropy: Callable[[int], bytes] = os.urandom,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = self._first_settings = settings or SimulatorSettings()
        self.clock, self._entropy, self._sleep = clock, entropy, sleep
        self.lock = threading.RLock()
        self.journal = Journal(clock)
        self.faults = Faults()
        self._forget()

    def _forget(self) -> None:
        self.codes = Codes(self.clock)
        self.grants = Grants(self.clock)
        self.crm = Crm(self.clock)
        self.minted_accounts: dict[int, Account] = {}
        self.marketplace_installs: dict[str, tuple[int, str]] = {}

    def reset(self) -> None:
        """Return to the first settings, without grants, codes, faults and journal entries."""
        self.faults.clear()
        with self.lock:
            self.settings = self._first_settings
            self._forget()
            self.journal.clear()

    def change(self, **switches: Any) -> None:  # noqa: ANN401 - any field of the settings
        """Change settings while it runs."""
        with self.lock:
            self.settings = replace(self.settings, **switches)

    def pause(self, seconds: float) -> None:
        if seconds > 0:
            self._sleep(seconds)

    def account(self, hub_id: int) -> Account | None:
        """Find an account of the settings, or one that POST /_sim/grants added."""
        return self.settings.account(hub_id) or self.minted_accounts.get(hub_id)

    def opaque(self, length: int, hub_id: int | None = None) -> str:
        """Make a secret of `length` characters, with the account's hublet in front when prefixes are on."""
        prefix = ""
        if hub_id is not None and self.settings.hublet_prefixes:
            account = self.account(hub_id)
            prefix = f"{account.hublet if account else 'na1'}-"
        random = urlsafe_b64encode(self._entropy(length)).decode()
        return (prefix + random)[:length]

    def install(self, code: Code) -> Grant:
        """Make the grant of a redeemed code. The settings decide whether it gets a new refresh token."""
        grant = self.grants.add(Grant(code.client_id, code.hub_id, code.user_id, code.scopes))
        keeps = self.settings.same_user_keeps_refresh_token and not self.settings.rotate_refresh_tokens
        if grant.refresh_token is None or not keeps:
            self.renew_refresh_token(grant)
        if self.settings.reinstall_ends_other_grants:
            self._end_others(grant)
        return grant

    def _end_others(self, grant: Grant) -> None:
        for other in self.grants.of(grant.client_id, grant.hub_id):
            if other is not grant:
                self.grants.end(other)

    def renew_refresh_token(self, grant: Grant) -> None:
        """Replace the grant's refresh token; the previous one is dead at once."""
        self.grants.give_refresh_token(grant, self.opaque(self.settings.refresh_token_length, grant.hub_id))

    def access_token(self, client_id: str, scopes: tuple[str, ...], grant: Grant | None = None) -> AccessToken:
        """Issue an access token for a grant, or for the app itself (client credentials)."""
        token = AccessToken(
            self.opaque(self.settings.access_token_length),
            client_id,
            grant.hub_id if grant else None,
            grant.user_id if grant else None,
            scopes,
            self.clock() + self.settings.token_lifetime,
        )
        self.grants.give_access_token(token, grant)
        return token
