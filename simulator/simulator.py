"""One simulated HubSpot: its state, its clock, its randomness and the lock around them. No HTTP in here."""

import os
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from simulator.codes import Code, Codes
from simulator.configuration import SimulatorSettings
from simulator.faults import Faults
from simulator.grants import AccessToken, Grant, Grants
from simulator.journal import Journal
from simulator.portals import Account


class Simulator:
    """Hold `lock` around anything that reads or changes codes and grants."""

    def __init__(
        self,
        settings: SimulatorSettings | None = None,
        *,
        clock: Callable[[], float] = time.time,
        entropy: Callable[[int], bytes] = os.urandom,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = self._first_settings = settings or SimulatorSettings()
        self.clock = clock
        self.lock = threading.RLock()
        self.journal = Journal(clock)
        self.faults = Faults()
        self._entropy = entropy
        self._sleep = sleep
        self._forget()

    def _forget(self) -> None:
        self.codes = Codes(self.clock)
        self.grants = Grants(self.clock)
        self.minted_accounts: dict[int, Account] = {}
        self.marketplace_installs: dict[str, tuple[int, str]] = {}

    def reset(self) -> None:
        """Back to how it started: settings, accounts, tokens, faults and journal."""
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
        """Take as long as a slow HubSpot would."""
        if seconds > 0:
            self._sleep(seconds)

    def account(self, hub_id: int) -> Account | None:
        """An account of the picker, or one minted for a scale test."""
        return self.settings.account(hub_id) or self.minted_accounts.get(hub_id)

    def opaque(self, length: int, hub_id: int | None = None) -> str:
        """A new secret of this length, with the account's hublet in front when prefixes are on."""
        prefix = ""
        if hub_id is not None and self.settings.hublet_prefixes:
            account = self.account(hub_id)
            prefix = f"{account.hublet if account else 'na1'}-"
        random = urlsafe_b64encode(self._entropy(length)).decode()
        return (prefix + random)[:length]

    def install(self, code: Code) -> Grant:
        """What the redeemed code grants: a refresh token, the same as before where HubSpot keeps it."""
        settings = self.settings
        grant = self.grants.add(Grant(code.client_id, code.hub_id, code.user_id, code.scopes))
        keeps = settings.same_user_keeps_refresh_token and not settings.rotate_refresh_tokens
        if grant.refresh_token is None or not keeps:
            self.renew_refresh_token(grant)
        if settings.reinstall_ends_other_grants:
            for other in self.grants.of(code.client_id, code.hub_id):
                if other is not grant:
                    self.grants.end(other)
        return grant

    def renew_refresh_token(self, grant: Grant) -> None:
        """Give the grant another refresh token; the one before is dead at once."""
        self.grants.give_refresh_token(grant, self.opaque(self.settings.refresh_token_length, grant.hub_id))

    def access_token(self, client_id: str, scopes: tuple[str, ...], grant: Grant | None = None) -> AccessToken:
        """Issue an access token, for a grant or (client credentials) for the app itself."""
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
