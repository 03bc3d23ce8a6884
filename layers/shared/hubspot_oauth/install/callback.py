"""Finishes an install when the browser arrives at the redirect URL.

The order of the guards matters. The state's signature is checked before its content is used. For an ``own`` install
the cookie is checked before an attempt's outcome is shown; a Marketplace install may have no cookie. If the attempt
already has an outcome, the browser gets that, rather than HubSpot's error or an expired state. Nonce and code are spent
together before the code is sent to HubSpot.
"""

import hmac
import re
from dataclasses import dataclass, replace

from hubspot_oauth.adapters.state_keys import StateKeys
from hubspot_oauth.adapters.telemetry import Report
from hubspot_oauth.domain.account import Binding
from hubspot_oauth.domain.clocks import Clock
from hubspot_oauth.domain.install_state import InstallState, Kind, browser_hash
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.urls import add_query
from hubspot_oauth.install import refusal_texts
from hubspot_oauth.install.allowed_destinations import AllowedDestinations
from hubspot_oauth.install.attempt import Attempt, code_name
from hubspot_oauth.install.browser_landing import InstalledPage, Landing, Redirect, StartPage, landing_of
from hubspot_oauth.install.code_exchange import CodeExchange
from hubspot_oauth.install.cookies import Cookie, cookie_name, secure
from hubspot_oauth.install.grant_check import Wanted
from hubspot_oauth.install.links import Links
from hubspot_oauth.install.parsed_queries import Arrival
from hubspot_oauth.install.refusal import InstallRefused
from hubspot_oauth.install.signed_state import BadSignature, read_state, with_keys
from hubspot_oauth.install.spent_codes import SpentCodes
from hubspot_oauth.install.start import Starter


@dataclass(kw_only=True)
class Callback:
    settings: Settings
    destinations: AllowedDestinations
    starter: Starter
    links: Links
    code_exchange: CodeExchange
    spent_codes: SpentCodes
    state_keys: StateKeys
    report: Report
    clock: Clock

    def arrive(self, arrival: Arrival) -> Landing:
        """Handle a request to the redirect URL; return where the browser goes.

        Raises:
            InstallRefused: The install ends with a refusal's page.
        """
        if arrival.state:
            return self._with_state(arrival, self._read(arrival.state))
        try:
            return self._without_state(arrival)
        except InstallRefused as refused:
            refused.retry_url = self.settings.install_url(arrival.host)
            raise

    def _without_state(self, arrival: Arrival) -> Landing:
        install_url = self.settings.install_url(arrival.host)
        if arrival.error:
            raise _refused_by_hubspot(arrival.error)
        if arrival.code is None:
            return self._before_consent(arrival, install_url)
        if arrival.return_url is not None:
            return self._from_marketplace(arrival, arrival.code, arrival.return_url)
        # A code alone does not prove which browser started the install, so the install starts again: by itself once,
        # then only by a click, because HubSpot may drop the state each time.
        started_before = any(name.startswith(self._cookie_prefix(arrival)) for name in arrival.cookies)
        return StartPage(install_url) if started_before else Redirect(install_url)

    def _before_consent(self, arrival: Arrival, install_url: str) -> Landing:
        if arrival.step != "authorize" or arrival.return_url is None:
            return StartPage(install_url)
        return_url = self._hubspot_page(arrival.return_url, arrival)
        if self.settings.sign_in_url:
            return Redirect(add_query(self.settings.sign_in_url, {"hubspot_return_url": return_url}))
        return self.starter.to_marketplace(return_url, self.settings.redirect_uri(arrival.host), arrival.cookies)

    def _with_state(self, arrival: Arrival, state: InstallState) -> Landing:
        proved = False
        ended: tuple[Cookie, ...] = ()
        try:
            cookie = self._check_browser(state, arrival)
            proved = cookie is not None
            ended = (cookie.ended(),) if cookie else ()
            self.report("InstallsReturned")  # only our state proves that our authorization URL works
            landing = self._outcome(arrival, state)
        except InstallRefused as refused:
            refused.retry_url = self.links.again(state, arrival.host, proved=proved)
            if state.return_to and self.destinations.allows_return_to(state.return_to):
                refused.back_url = state.return_to
            refused.cookies = ended
            raise
        return replace(landing, cookies=ended) if isinstance(landing, Redirect | InstalledPage) else landing

    def _outcome(self, arrival: Arrival, state: InstallState) -> Landing:
        """The landing. The recorded outcome of an earlier request goes before an error, an expired state or no code."""
        if arrival.code is None or arrival.error or state.expires_at <= self.clock():
            earlier = self.spent_codes.find(state.nonce)
            if earlier:
                return self._landing(earlier, arrival)
        if arrival.error:
            raise _refused_by_hubspot(arrival.error)
        if state.expires_at <= self.clock():
            raise InstallRefused(refusal_texts.STATE_EXPIRED)
        if arrival.code is None:
            raise InstallRefused(refusal_texts.HUBSPOT_REFUSED, "neither a code nor an error")
        if state.kind is Kind.MARKETPLACE:
            self._hubspot_page(arrival.return_url or "", arrival)
        return self._once(arrival, arrival.code, state)

    def _once(self, arrival: Arrival, code: str, state: InstallState) -> Landing:
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
            int(self.clock()),
            return_to=state.return_to,
            caller_state=state.caller_state,
            wanted_hub_id=state.hub_id,
        )
        return self._complete(attempt, code, wanted, arrival)

    def _from_marketplace(self, arrival: Arrival, code: str, return_url: str) -> Landing:
        """Complete a Marketplace install without a state. It is stored unbound and without a client_reference_id."""
        self._hubspot_page(return_url, arrival)
        wanted = Wanted(redirect_uri=self.settings.redirect_uri(arrival.host), binding=Binding.UNBOUND)
        attempt = Attempt(f"unbound-{code_name(code)[:32]}", None, int(self.clock()))
        return self._complete(attempt, code, wanted, arrival)

    def _complete(self, attempt: Attempt, code: str, wanted: Wanted, arrival: Arrival) -> Landing:
        """Complete the attempt; return its landing.

        If an earlier attempt spent the code, only the browser that made that attempt gets its landing.
        """
        ended = self.code_exchange.complete(attempt, code, wanted)
        if ended.attempt_id == attempt.attempt_id:
            return self._landing(ended, arrival)
        hashes = (browser_hash(value) for value in arrival.cookies.values())
        if ended.browser and any(hmac.compare_digest(value, ended.browser) for value in hashes):
            return self._landing(ended, arrival)
        raise InstallRefused(refusal_texts.CODE_SPENT)

    def _landing(self, attempt: Attempt, arrival: Arrival) -> Landing:
        return landing_of(attempt, arrival, self.destinations, self.clock())

    def _read(self, value: str) -> InstallState:
        try:
            return with_keys(read_state, value, self.state_keys)
        except BadSignature:
            raise InstallRefused(refusal_texts.STATE_INVALID) from None

    def _check_browser(self, state: InstallState, arrival: Arrival) -> Cookie | None:
        """The install's cookie, which proves that this browser started the install.

        None for a Marketplace install without the cookie, because browsers may withhold it in HubSpot's iframe. A wrong
        value is always refused.

        Raises:
            InstallRefused: The cookie is missing or has another value.
        """
        name = cookie_name(state.nonce, state.redirect_uri)
        value = arrival.cookies.get(name)
        if value is None and state.kind is Kind.MARKETPLACE:
            return None
        if value is None or not hmac.compare_digest(browser_hash(value), state.browser):
            late = state.expires_at <= self.clock()  # the browser may have dropped an old cookie
            raise InstallRefused(refusal_texts.STATE_EXPIRED if late else refusal_texts.BROWSER_MISMATCH)
        return Cookie(name, value, secure(state.redirect_uri))

    def _cookie_prefix(self, arrival: Arrival) -> str:
        return cookie_name("", self.settings.redirect_uri(arrival.host))

    def _hubspot_page(self, return_url: str, arrival: Arrival) -> str:
        if not self.settings.marketplace_installs:
            raise InstallRefused(refusal_texts.MARKETPLACE_OFF)
        if not self.destinations.allows_hubspot_page(return_url, arrival.host):
            raise InstallRefused(refusal_texts.RETURN_URL_NOT_ALLOWED)
        return return_url


def _refused_by_hubspot(error: str) -> InstallRefused:
    cancelled = error == "access_denied"
    return InstallRefused(refusal_texts.INSTALL_CANCELLED if cancelled else refusal_texts.HUBSPOT_REFUSED, _word(error))


def _word(error: str) -> str:
    """``error`` if it looks like an error code, else empty, because anyone can write it and it is logged."""
    return error if re.fullmatch("[A-Za-z0-9_.-]{1,64}", error) else ""
