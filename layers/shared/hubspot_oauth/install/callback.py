"""Finishing an install: what to do with a browser that arrives at the redirect URL.

The guards stand in a row, and their order matters: nothing is believed before the signature, nothing is told before the
cookie, nonce and code are spent together before the code is sent to HubSpot.
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from hubspot_oauth.adapters.credentials import ClientSecret, StateKeys
from hubspot_oauth.adapters.telemetry import Report
from hubspot_oauth.domain import refusals
from hubspot_oauth.domain.errors import InstallRefused, NotConfigured, VaultUnavailable
from hubspot_oauth.domain.models import Binding
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.state import InstallState, Kind, browser_hash
from hubspot_oauth.domain.urls import add_query
from hubspot_oauth.install.arrivals import Arrival
from hubspot_oauth.install.attempts import Attempt, Attempts, code_name
from hubspot_oauth.install.exchange import Grants, Wanted
from hubspot_oauth.install.signing import BadSignature, read_state, with_keys
from hubspot_oauth.install.start import Redirect, Starter, cookie_name

INSTALLED = "installed"


@dataclass(frozen=True, slots=True)
class InstalledPage:
    """The install is done and there is nowhere else to go."""

    hub_id: int | None


@dataclass(frozen=True, slots=True)
class PendingPage:
    """Another request of this browser is finishing this very install; the page says so and looks again on demand."""


@dataclass(frozen=True, slots=True)
class StartPage:
    """Nobody asked for anything: says where an install starts."""

    install_url: str


Landing = Redirect | InstalledPage | PendingPage | StartPage


class Callback:
    """Finishes installs.

    Args:
        clock: Epoch seconds.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        starter: Starter,
        grants: Grants,
        attempts: Attempts,
        state_keys: StateKeys,
        client_secret: ClientSecret,
        report: Report,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._starter = starter
        self._grants = grants
        self._attempts = attempts
        self._keys = state_keys
        self._client_secret = client_secret
        self._report = report
        self._clock = clock

    def arrive(self, arrival: Arrival) -> Landing:
        """Where the browser ends up.

        Raises:
            InstallRefused: On the page of a refusal; nothing half-done stays.
        """
        if arrival.error:
            raise self._said_no(arrival)
        if arrival.code is None:
            return self._without_code(arrival)
        if arrival.state:
            state = self._read(arrival.state)
            return self._with_state(arrival, arrival.code, state)
        if arrival.return_url is None:
            return Redirect(self._settings.install_url(arrival.host))  # nobody here asked for it: start afresh
        return self._seamless(arrival, arrival.code, arrival.return_url)

    def _said_no(self, arrival: Arrival) -> InstallRefused:
        cancelled = arrival.error == "access_denied"
        refusal = refusals.INSTALL_CANCELLED if cancelled else refusals.HUBSPOT_REFUSED
        refused = InstallRefused(refusal, _word(arrival.error or ""))
        try:
            state = self._read(arrival.state or "")
            self._check_browser(state, arrival)
            self._report("InstallsReturned")
        except InstallRefused:
            return refused  # an answer without our state is shown all the same, but proves nothing
        if state.kind is Kind.OWN:  # a Marketplace state needs no cookie: it does not prove who started
            refused.retry_url = self._starter.again(state)
        return refused

    def _without_code(self, arrival: Arrival) -> Landing:
        if arrival.step != "authorize" or arrival.return_url is None:
            return StartPage(self._settings.install_url(arrival.host))
        return_url = self._hubspot_page(arrival.return_url, arrival)
        if self._settings.sign_in_url:
            return Redirect(add_query(self._settings.sign_in_url, {"hubspot_return_url": return_url}))
        return self._starter.to_marketplace(return_url, self._settings.redirect_uri(arrival.host))

    def _with_state(self, arrival: Arrival, code: str, state: InstallState) -> Landing:
        self._check_browser(state, arrival)
        self._report("InstallsReturned")  # what was not started here says nothing of whether our link works
        if state.kind is Kind.MARKETPLACE:
            self._hubspot_page(arrival.return_url or "", arrival)
        try:
            return self._once(arrival, code, state)
        except InstallRefused as refused:
            if state.kind is Kind.OWN:
                refused.retry_url = self._starter.again(state)
            raise

    def _once(self, arrival: Arrival, code: str, state: InstallState) -> Landing:
        if state.expires_at <= self._clock():
            earlier = self._attempts.find(state.nonce)
            if earlier is None:
                raise InstallRefused(refusals.STATE_EXPIRED)
            return self._landing_of(earlier, arrival)
        proved = state.kind is Kind.OWN or state.client_reference_id is not None
        wanted = Wanted(
            redirect_uri=state.redirect_uri,
            binding=Binding.BOUND if proved else Binding.UNBOUND,
            hub_id=state.hub_id,
            client_reference_id=state.client_reference_id,
        )
        attempt = Attempt(
            state.nonce,
            state.browser,
            int(self._clock()),
            return_to=state.return_to,
            caller_state=state.caller_state,
        )
        return self._end(attempt, self._finish(attempt, code, wanted), arrival)

    def _seamless(self, arrival: Arrival, code: str, return_url: str) -> Landing:
        """A Marketplace install that nobody here started: stored unbound, tied to nothing and nobody."""
        self._hubspot_page(return_url, arrival)
        wanted = Wanted(self._settings.redirect_uri(arrival.host), Binding.UNBOUND)
        attempt = Attempt(f"unbound-{code_name(code)[:32]}", None, int(self._clock()))
        return self._end(attempt, self._finish(attempt, code, wanted), arrival)

    def _finish(self, attempt: Attempt, code: str, wanted: Wanted) -> Attempt:
        """Spend the code and store its grant; or the attempt that has spent it, or the same nonce, before."""
        try:
            self._client_secret()
            sealer = self._grants.sealer()
        except NotConfigured:
            raise InstallRefused(refusals.NOT_CONFIGURED) from None
        except VaultUnavailable as error:
            raise InstallRefused(refusals.INTERRUPTED, str(error)) from error
        earlier = self._attempts.spend(attempt, code)
        if earlier:
            return earlier
        try:
            granted = self._grants.obtain(code, wanted, sealer)
        except InstallRefused as refused:
            self._attempts.finish(attempt.attempt_id, refused.refusal.code, missing_scopes=refused.missing_scopes)
            raise
        self._attempts.finish(attempt.attempt_id, INSTALLED, hub_id=granted.hub_id)
        self._report("InstallsCompleted", 1, **granted.evidence(wanted, self._settings.optional_scopes))
        return replace(attempt, outcome=INSTALLED, hub_id=granted.hub_id)

    def _end(self, attempt: Attempt, earlier: Attempt, arrival: Arrival) -> Landing:
        """The landing of this attempt; or of another one that spent this code, for the browser that made it alone."""
        if earlier.attempt_id == attempt.attempt_id:
            return self._landing_of(earlier, arrival)
        hashes = (browser_hash(value) for value in arrival.cookies.values())
        if earlier.browser and any(hmac.compare_digest(value, earlier.browser) for value in hashes):
            return self._landing_of(earlier, arrival)
        raise InstallRefused(refusals.CODE_SPENT)

    def _landing_of(self, attempt: Attempt, arrival: Arrival) -> Landing:
        """Where an attempt ends: the same place each time, whoever of its browser's requests asks."""
        if attempt.interrupted(self._clock()):
            raise InstallRefused(refusals.INTERRUPTED)
        if attempt.outcome is None:
            return PendingPage()
        if attempt.outcome != INSTALLED:
            refusal = refusals.BY_CODE.get(attempt.outcome, refusals.INTERRUPTED)
            raise InstallRefused(refusal, missing_scopes=attempt.missing_scopes)
        if attempt.return_to:
            told = {"hub_id": str(attempt.hub_id)} | ({"state": attempt.caller_state} if attempt.caller_state else {})
            return Redirect(add_query(attempt.return_to, told))
        if arrival.return_url and self._starter.may_go_back_to(arrival.return_url, arrival.host):
            return Redirect(arrival.return_url)
        return InstalledPage(attempt.hub_id)

    def _read(self, value: str) -> InstallState:
        try:
            return with_keys(read_state, value, self._keys)
        except BadSignature:
            raise InstallRefused(refusals.STATE_INVALID) from None

    def _check_browser(self, state: InstallState, arrival: Arrival) -> None:
        """Whether this browser started the install. A Marketplace iframe may withhold the cookie, never a wrong one."""
        cookie = arrival.cookies.get(cookie_name(state.nonce, state.redirect_uri))
        if cookie is None and state.kind is Kind.MARKETPLACE:
            return
        if cookie is None or not hmac.compare_digest(browser_hash(cookie), state.browser):
            late = state.expires_at <= self._clock()  # its cookie may be gone for no other reason
            raise InstallRefused(refusals.STATE_EXPIRED if late else refusals.BROWSER_MISMATCH)

    def _hubspot_page(self, return_url: str, arrival: Arrival) -> str:
        if not self._starter.may_go_back_to(return_url, arrival.host):
            raise InstallRefused(refusals.RETURN_URL_NOT_ALLOWED)
        return return_url


def _word(error: str) -> str:
    """HubSpot's error code, for the log; anything else could be any stranger's text."""
    return error if re.fullmatch("[A-Za-z0-9_.-]{1,64}", error) else ""
