"""Makes and reads signed install links, and checks the URLs they lead to.

Anyone can write the plain query of ``/install``, so a ``client_reference_id`` is taken only from a signed link.
"""

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from hubspot_oauth.adapters.state_keys import StateKeys
from hubspot_oauth.domain.api_errors import InvalidRequest
from hubspot_oauth.domain.clocks import Clock
from hubspot_oauth.domain.install_state import InstallLink, InstallState, Kind
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.urls import add_query
from hubspot_oauth.install import refusal_texts
from hubspot_oauth.install.allowed_destinations import AllowedDestinations
from hubspot_oauth.install.parsed_queries import Start
from hubspot_oauth.install.refusal import InstallRefused
from hubspot_oauth.install.signed_state import BadSignature, read_link, sign_link, with_keys

#: Characters of a link. API Gateway takes 10,240 bytes of request line and headers; this leaves 2 KB for the headers.
MOST_LINK = 8192


@dataclass(kw_only=True)
class Links:
    settings: Settings
    destinations: AllowedDestinations
    state_keys: StateKeys
    clock: Clock

    def make(self, link: InstallLink, host: str) -> str:
        """The URL of a signed install link.

        Raises:
            InvalidRequest: ``return_to`` or ``hubspot_return_url`` is not on an allowed site, both are given, this
                stack takes no Marketplace installs, or the link would be too long.
        """
        if link.return_to and link.hubspot_return_url:
            raise InvalidRequest("Give return_to or hubspot_return_url, not both.", field="return_to")
        if link.return_to and not self.destinations.allows_return_to(link.return_to):
            raise InvalidRequest("return_to is not on one of the allowed origins.", field="return_to")
        if link.hubspot_return_url and not self.settings.marketplace_installs:
            raise InvalidRequest("This stack takes no Marketplace installs.", field="hubspot_return_url")
        if link.hubspot_return_url and not self.destinations.allows_hubspot_page(link.hubspot_return_url, host):
            raise InvalidRequest("hubspot_return_url is not a page of HubSpot's.", field="hubspot_return_url")
        signed = sign_link(link, self.state_keys())
        if len(signed) > MOST_LINK:
            raise InvalidRequest(f"The link would be longer than {MOST_LINK} characters.", field="hubspot_return_url")
        return add_query(self.settings.install_url(host), {"link": signed})

    def again(self, state: InstallState, host: str, *, proved: bool) -> str | None:
        """The URL that starts the same install again, or None if this browser may not get one.

        An install for a customer of the team's needs a signed link. It is only for a browser that has proved that it
        started the install here, and it expires when the first link expires. Any other install needs no signature.
        """
        install_url = self.settings.install_url(host)
        if state.client_reference_id is None:
            return same_start(install_url, state.hub_id, state.return_to, state.caller_state)
        expires_at = state.link_expires_at or 0
        if not proved or state.kind is not Kind.OWN or expires_at <= self.clock():
            return None
        link = InstallLink(expires_at, state.client_reference_id, state.hub_id, state.return_to)
        return same_start(install_url, None, None, state.caller_state, sign_link(link, self.state_keys()))

    def read(self, asked: Start) -> InstallLink:
        """What is known of a starting install: its signed link's content, or the plain query if it has no link.

        The return URLs are checked again, because a link lives for a week and the settings may have changed since.

        Raises:
            InstallRefused: The link is not signed by us or has expired, or a return URL is not on an allowed site.
        """
        plain = InstallLink(0, hub_id=asked.hub_id, return_to=asked.return_to)
        link = self._signed(asked.link) if asked.link else plain
        if asked.link and link.expires_at <= self.clock():
            raise InstallRefused(refusal_texts.LINK_EXPIRED)
        if link.return_to and not self.destinations.allows_return_to(link.return_to):
            raise InstallRefused(refusal_texts.RETURN_TO_NOT_ALLOWED)
        if not self.settings.marketplace_installs:  # switched off since the link was made
            return replace(link, hubspot_return_url=None)
        if link.hubspot_return_url and not self.destinations.allows_hubspot_page(link.hubspot_return_url, asked.host):
            raise InstallRefused(refusal_texts.RETURN_URL_NOT_ALLOWED)
        return link

    def _signed(self, value: str) -> InstallLink:
        try:
            return with_keys(read_link, value, self.state_keys)
        except BadSignature:
            raise InstallRefused(refusal_texts.LINK_INVALID) from None


def same_start(
    install_url: str,
    hub_id: int | None,
    return_to: str | None,
    caller_state: str | None,
    link: str | None = None,
    *,
    bounced: bool = False,
) -> str:
    """The URL of a start with these parameters, where None means not given."""
    given = {
        "hub_id": None if hub_id is None else str(hub_id),
        "return_to": return_to,
        "state": caller_state,
        "link": link,
        "bounced": "1" if bounced else None,
    }
    return add_query(install_url, {name: value for name, value in given.items() if value is not None})


def on_its_own_host(asked: Start, install_url: str) -> str | None:
    """The URL of the same start on the host where the cookie must be set; None for no redirect.

    A browser is redirected at most once. Behind a CDN, API Gateway never sees the public host name, so without this
    limit the redirect would repeat forever.
    """
    if asked.bounced or urlsplit(install_url).hostname == asked.host:
        return None
    return same_start(install_url, asked.hub_id, asked.return_to, asked.caller_state, asked.link, bounced=True)
