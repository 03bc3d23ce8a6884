"""Makes and reads signed install links, and checks the URLs they lead to.

Anyone can write the plain query of ``/install``, so a ``client_reference_id`` is taken only from a signed link. A link
made by ``again`` may carry a ``hub_id`` and a ``return_to`` that came from the plain query.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from hubspot_oauth.adapters.state_keys import StateKeys
from hubspot_oauth.domain.api_errors import InvalidRequest
from hubspot_oauth.domain.clocks import Clock
from hubspot_oauth.domain.install_state import LINK_SECONDS, InstallLink, InstallState
from hubspot_oauth.domain.settings import INSTALL_PATH, Settings
from hubspot_oauth.domain.urls import add_query, origin_of
from hubspot_oauth.install import refusal_texts
from hubspot_oauth.install.allowed_destinations import AllowedDestinations
from hubspot_oauth.install.parsed_queries import Start
from hubspot_oauth.install.refusal import InstallRefused
from hubspot_oauth.install.signed_state import BadSignature, read_link, sign_link, with_keys


@dataclass(kw_only=True)
class Links:
    settings: Settings
    destinations: AllowedDestinations
    state_keys: StateKeys
    clock: Clock

    def make(self, link: InstallLink, host: str) -> str:
        """The URL of a signed install link.

        Raises:
            InvalidRequest: ``return_to`` or ``hubspot_return_url`` is not on an allowed site, both are given, or this
                stack takes no Marketplace installs.
        """
        if link.return_to and link.hubspot_return_url:
            raise InvalidRequest("Give return_to or hubspot_return_url, not both.", field="return_to")
        if link.return_to and not self.destinations.allows_return_to(link.return_to):
            raise InvalidRequest("return_to is not on one of the allowed origins.", field="return_to")
        if link.hubspot_return_url and not self.settings.marketplace_installs:
            raise InvalidRequest("This stack takes no Marketplace installs.", field="hubspot_return_url")
        if link.hubspot_return_url and not self.destinations.allows_hubspot_page(link.hubspot_return_url, host):
            raise InvalidRequest("hubspot_return_url is not a page of HubSpot's.", field="hubspot_return_url")
        return add_query(self.settings.install_url(host), {"link": sign_link(link, self.state_keys())})

    def again(self, state: InstallState) -> str:
        """The URL that starts the same install again.

        The URL has a signed link, so it is only for a browser that has proved that it started this install.
        """
        link = InstallLink(
            expires_at=int(self.clock()) + LINK_SECONDS,
            client_reference_id=state.client_reference_id,
            hub_id=state.hub_id,
            return_to=state.return_to,
        )
        parameters = {"link": sign_link(link, self.state_keys())}
        if state.caller_state:
            parameters["state"] = state.caller_state
        return add_query(origin_of(state.redirect_uri) + INSTALL_PATH, parameters)

    def read(self, asked: Start) -> InstallLink:
        """What is known of a starting install: its signed link's content, or the plain query if it has no link.

        The return URLs are checked again, because a link lives for a week and the settings may have changed since.

        Raises:
            InstallRefused: The link is not signed by us or has expired, a return URL is not on an allowed site, or this
                stack takes no Marketplace installs.
        """
        plain = InstallLink(0, hub_id=asked.hub_id, return_to=asked.return_to)
        link = self._signed(asked.link) if asked.link else plain
        if asked.link and link.expires_at <= self.clock():
            raise InstallRefused(refusal_texts.LINK_EXPIRED)
        if link.return_to and not self.destinations.allows_return_to(link.return_to):
            raise InstallRefused(refusal_texts.RETURN_TO_NOT_ALLOWED)
        if link.hubspot_return_url and not self.settings.marketplace_installs:
            raise InstallRefused(refusal_texts.MARKETPLACE_OFF)
        if link.hubspot_return_url and not self.destinations.allows_hubspot_page(link.hubspot_return_url, asked.host):
            raise InstallRefused(refusal_texts.RETURN_URL_NOT_ALLOWED)
        return link

    def _signed(self, value: str) -> InstallLink:
        try:
            return with_keys(read_link, value, self.state_keys)
        except BadSignature:
            raise InstallRefused(refusal_texts.LINK_INVALID) from None


def on_its_own_host(asked: Start, redirect_uri: str) -> str | None:
    """The URL of the same start on the redirect URL's host, where the cookie must be set; None for no redirect.

    A browser is redirected at most once. Behind a CDN, API Gateway never sees the public host name, so without this
    limit the redirect would repeat forever.
    """
    if asked.bounced or urlsplit(redirect_uri).hostname == asked.host:
        return None
    given = {
        "hub_id": asked.hub_id and str(asked.hub_id),
        "return_to": asked.return_to,
        "state": asked.caller_state,
        "link": asked.link,
        "bounced": "1",
    }
    return add_query(origin_of(redirect_uri) + INSTALL_PATH, {name: value for name, value in given.items() if value})
