"""Finishes an install when the browser arrives at the redirect URL.

The order of the guards matters. The state's signature is checked before its content is used. For an ``own`` install
the cookie is checked before an attempt's outcome is shown; a Marketplace install may have no cookie. Nonce and code
are spent together before the code is sent to HubSpot.
"""

import hmac
import re
from dataclasses import dataclass

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
from hubspot_oauth.install.browser_landing import Landing, Redirect, StartPage, landing_of
from hubspot_oauth.install.code_exchange import CodeExchange
from hubspot_oauth.install.cookies import cookie_name
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
        if arrival.error:
            raise self._refused_by_hubspot(arrival)
        if arrival.code is None:
            return self._without_code(arrival)
        if arrival.state:
            return self._with_state(arrival, arrival.code, self._read(arrival.state))
        if arrival.return_url is None:
            # A code alone does not prove which browser started the install, so the install starts again.
            return Redirect(self.settings.install_url(arrival.host))
        return self._seamless(arrival, arrival.code, arrival.return_url)

    def _refused_by_hubspot(self, arrival: Arrival) -> InstallRefused:
        cancelled = arrival.error == "access_denied"
        refusal = refusal_texts.INSTALL_CANCELLED if cancelled else refusal_texts.HUBSPOT_REFUSED
        refused = InstallRefused(refusal, _word(arrival.error or ""))
        try:
            state = self._read(arrival.state or "")
            self._check_browser(state, arrival)
            self.report("InstallsReturned")
        except InstallRefused:
            # The state is not ours or is another browser's, so the return is not counted and gets no signed link.
            return refused
        if state.kind is Kind.OWN:  # a Marketplace state needs no cookie, so it does not prove which browser started
            refused.retry_url = self.links.again(state)
        return refused

    def _without_code(self, arrival: Arrival) -> Landing:
        if arrival.step != "authorize" or arrival.return_url is None:
            return StartPage(self.settings.install_url(arrival.host))
        return_url = self._hubspot_page(arrival.return_url, arrival)
        if self.settings.sign_in_url:
            return Redirect(add_query(self.settings.sign_in_url, {"hubspot_return_url": return_url}))
        return self.starter.to_marketplace(return_url, self.settings.redirect_uri(arrival.host))

    def _with_state(self, arrival: Arrival, code: str, state: InstallState) -> Landing:
        self._check_browser(state, arrival)
        self.report("InstallsReturned")  # only our state proves that our authorization URL works
        if state.kind is Kind.MARKETPLACE:
            self._hubspot_page(arrival.return_url or "", arrival)
        try:
            return self._once(arrival, code, state)
        except InstallRefused as refused:
            if state.kind is Kind.OWN:
                refused.retry_url = self.links.again(state)
            raise

    def _once(self, arrival: Arrival, code: str, state: InstallState) -> Landing:
        if state.expires_at <= self.clock():
            earlier = self.spent_codes.find(state.nonce)
            if earlier is None:
                raise InstallRefused(refusal_texts.STATE_EXPIRED)
            return self._landing(earlier, arrival)
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
        )
        return self._complete(attempt, code, wanted, arrival)

    def _seamless(self, arrival: Arrival, code: str, return_url: str) -> Landing:
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

    def _check_browser(self, state: InstallState, arrival: Arrival) -> None:
        """Refuse a browser that did not start the install.

        In the Marketplace's iframe the cookie may be missing; a wrong one is refused there too.

        Raises:
            InstallRefused: The cookie is missing or has another value.
        """
        cookie = arrival.cookies.get(cookie_name(state.nonce, state.redirect_uri))
        if cookie is None and state.kind is Kind.MARKETPLACE:
            return
        if cookie is None or not hmac.compare_digest(browser_hash(cookie), state.browser):
            late = state.expires_at <= self.clock()  # the browser may have dropped an old cookie
            raise InstallRefused(refusal_texts.STATE_EXPIRED if late else refusal_texts.BROWSER_MISMATCH)

    def _hubspot_page(self, return_url: str, arrival: Arrival) -> str:
        if not self.settings.marketplace_installs:
            raise InstallRefused(refusal_texts.MARKETPLACE_OFF)
        if not self.destinations.allows_hubspot_page(return_url, arrival.host):
            raise InstallRefused(refusal_texts.RETURN_URL_NOT_ALLOWED)
        return return_url


def _word(error: str) -> str:
    """``error`` if it looks like an error code, else empty, because anyone can write it and it is logged."""
    return error if re.fullmatch("[A-Za-z0-9_.-]{1,64}", error) else ""
