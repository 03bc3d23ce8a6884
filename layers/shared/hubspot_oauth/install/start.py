"""Starts an install by redirecting to HubSpot's consent page. Nothing is stored."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from hubspot_oauth.adapters.client_secret import ClientSecret
from hubspot_oauth.adapters.hubspot import HubSpot
from hubspot_oauth.adapters.state_keys import StateKeys
from hubspot_oauth.domain.clocks import Clock
from hubspot_oauth.domain.install_state import NO_LINK, STATE_SECONDS, InstallLink, InstallState, Kind, browser_hash
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.urls import add_query
from hubspot_oauth.install import refusal_texts
from hubspot_oauth.install.browser_landing import Redirect
from hubspot_oauth.install.cookies import Cookie, surplus
from hubspot_oauth.install.links import Links, on_its_own_host
from hubspot_oauth.install.parsed_queries import Start
from hubspot_oauth.install.refusal import InstallRefused
from hubspot_oauth.install.signed_state import sign_state

#: Characters of a state. API Gateway takes 10,240 bytes of request line and headers; this leaves 4 KB for the code, the
#: ``returnUrl`` and the headers of the request to the redirect URL.
MOST_STATE = 6144


@dataclass(kw_only=True)
class Starter:
    settings: Settings
    hubspot: HubSpot
    links: Links
    state_keys: StateKeys
    client_secret: ClientSecret
    clock: Clock

    def start(self, asked: Start) -> Redirect:
        """Redirect to HubSpot's consent page, or first to the redirect URL's own host.

        Raises:
            InstallRefused: The link or a value in it is not acceptable, or the client secret is not set.
        """
        if not self.client_secret.is_set():
            raise InstallRefused(refusal_texts.NOT_CONFIGURED)
        link = self.links.read(asked)
        elsewhere = on_its_own_host(asked, self.settings.install_url(asked.host))
        if elsewhere:
            return Redirect(elsewhere)
        redirect_uri = self.settings.redirect_uri(asked.host)
        if link.hubspot_return_url:
            return self.to_marketplace(link.hubspot_return_url, redirect_uri, asked.cookies, link)
        state, cookie = self._mint(Kind.OWN, redirect_uri, link, asked.caller_state)
        url = self.hubspot.authorization_url(state, self._signed(state))
        return Redirect(url, (*surplus(asked.cookies, redirect_uri), cookie))

    def to_marketplace(
        self, return_url: str, redirect_uri: str, cookie_names: Iterable[str], link: InstallLink = NO_LINK
    ) -> Redirect:
        """Redirect back to the Marketplace's own consent page, with a new state.

        The state carries the link's ``hub_id`` and ``client_reference_id``.
        """
        state, cookie = self._mint(Kind.MARKETPLACE, redirect_uri, link)
        url = add_query(return_url, {"state": self._signed(state)})
        return Redirect(url, (*surplus(cookie_names, redirect_uri), cookie))

    def _signed(self, state: InstallState) -> str:
        signed = sign_state(state, self.state_keys())
        if len(signed) > MOST_STATE:
            raise InstallRefused(refusal_texts.INVALID_REQUEST, "return_to and state are too long together")
        return signed

    def _mint(
        self, kind: Kind, redirect_uri: str, link: InstallLink, caller_state: str | None = None
    ) -> tuple[InstallState, Cookie]:
        nonce, browser_secret = secrets.token_urlsafe(18), secrets.token_urlsafe(24)
        state = InstallState(
            kind=kind,
            nonce=nonce,
            expires_at=int(self.clock()) + STATE_SECONDS,
            browser=browser_hash(browser_secret),
            redirect_uri=redirect_uri,
            hub_id=link.hub_id,
            return_to=link.return_to if kind is Kind.OWN else None,
            caller_state=caller_state,
            client_reference_id=link.client_reference_id,
            link_expires_at=link.expires_at or None,
        )
        return state, Cookie.of(nonce, redirect_uri, browser_secret)
