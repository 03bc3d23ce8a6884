"""Starting an install: everything that sends a browser to HubSpot. Nothing is written anywhere.

An install link says who is installing; it is signed by the team's back end. What comes in the plain query (``hub_id``,
``return_to``, ``state``) proves nothing and is treated so.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from hubspot_oauth.adapters.credentials import ClientSecret, StateKeys
from hubspot_oauth.adapters.hubspot import HubSpot
from hubspot_oauth.domain import refusals
from hubspot_oauth.domain.errors import InstallRefused, InvalidRequest
from hubspot_oauth.domain.settings import INSTALL_PATH, Settings
from hubspot_oauth.domain.state import LINK_SECONDS, STATE_SECONDS, InstallLink, InstallState, Kind, browser_hash
from hubspot_oauth.domain.urls import add_query, agrees, on_hubspot, origin_of, within
from hubspot_oauth.install.arrivals import Start
from hubspot_oauth.install.signing import BadSignature, read_link, sign_link, sign_state, with_keys

#: Longer than a state lives: whoever is late is told so, and a reload an hour later still shows the landing.
COOKIE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Cookie:
    """The browser's half of one install; a cookie of its own for each, so that parallel tabs do not collide."""

    name: str
    value: str = field(repr=False)
    secure: bool
    max_age: int = COOKIE_SECONDS


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send the browser there; the URL may carry a state, so it is not shown."""

    url: str = field(repr=False)
    cookie: Cookie | None = None


def cookie_name(nonce: str, redirect_uri: str) -> str:
    """The cookie of one install. ``__Host-`` pins it to this host; only http://localhost cannot have that."""
    prefix = "__Host-" if secure(redirect_uri) else ""
    return f"{prefix}hubspot-install-{nonce[:12]}"


def secure(redirect_uri: str) -> bool:
    """Whether cookies are Secure: always, except for http on localhost, where Safari would drop them."""
    return not (redirect_uri.startswith("http://") and urlsplit(redirect_uri).hostname == "localhost")


class Starter:
    """Sends browsers to HubSpot.

    Args:
        clock: Epoch seconds.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        hubspot: HubSpot,
        state_keys: StateKeys,
        client_secret: ClientSecret,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._hubspot = hubspot
        self._keys = state_keys
        self._client_secret = client_secret
        self._clock = clock

    def start(self, asked: Start) -> Redirect:
        """To HubSpot's consent page, or first to the redirect URL's own host, where the cookie must be set.

        Raises:
            InstallRefused: The link or a value in it is not acceptable, or the client secret is not set.
        """
        if not self._client_secret.is_set():
            raise InstallRefused(refusals.NOT_CONFIGURED)
        link = self._link(asked)
        redirect_uri = self._settings.redirect_uri(asked.host)
        if not asked.bounced and urlsplit(redirect_uri).hostname != asked.host:
            return Redirect(self._same_start(asked, redirect_uri))
        if link.hubspot_return_url:
            return self.to_marketplace(link.hubspot_return_url, redirect_uri, link.client_reference_id, link.hub_id)
        state, cookie = self._mint(
            Kind.OWN,
            redirect_uri,
            hub_id=link.hub_id,
            return_to=link.return_to,
            caller_state=asked.caller_state,
            client_reference_id=link.client_reference_id,
        )
        return Redirect(self._hubspot.authorization_url(state, sign_state(state, self._keys())), cookie)

    def to_marketplace(
        self, return_url: str, redirect_uri: str, client_reference_id: str | None = None, hub_id: int | None = None
    ) -> Redirect:
        """Back to the Marketplace's own consent, with a state minted for the user who signed in (or for nobody)."""
        state, cookie = self._mint(
            Kind.MARKETPLACE, redirect_uri, hub_id=hub_id, client_reference_id=client_reference_id
        )
        return Redirect(add_query(return_url, {"state": sign_state(state, self._keys())}), cookie)

    def make_link(self, link: InstallLink, host: str) -> str:
        """The URL of a signed install link.

        Raises:
            InvalidRequest: ``return_to`` or ``hubspot_return_url`` is not on an allowed site, or both are given.
        """
        if link.return_to and link.hubspot_return_url:
            raise InvalidRequest("Give return_to or hubspot_return_url, not both.", field="return_to")
        if link.return_to and not within(link.return_to, self._settings.return_to_origins):
            raise InvalidRequest("return_to is not on one of the allowed origins.", field="return_to")
        if link.hubspot_return_url and not self.may_go_back_to(link.hubspot_return_url, host):
            raise InvalidRequest("hubspot_return_url is not a page of HubSpot's.", field="hubspot_return_url")
        return add_query(self._settings.install_url(host), {"link": sign_link(link, self._keys())})

    def again(self, state: InstallState) -> str:
        """The URL that starts the very same install once more, for a browser that has proved it started this one."""
        link = InstallLink(
            expires_at=int(self._clock()) + LINK_SECONDS,
            client_reference_id=state.client_reference_id,
            hub_id=state.hub_id,
            return_to=state.return_to,
        )
        parameters = {"link": sign_link(link, self._keys())}
        if state.caller_state:
            parameters["state"] = state.caller_state
        return add_query(origin_of(state.redirect_uri) + INSTALL_PATH, parameters)

    def may_go_back_to(self, return_url: str, host: str) -> bool:
        """Whether a browser may take its state to this page: HubSpot's, and not the consent page of another app.

        That page would hand the state on to the other app, which could then finish an install of its own with it.
        """
        ours = {"client_id": self._settings.client_id, "redirect_uri": self._settings.redirect_uri(host)}
        return on_hubspot(return_url, self._settings.app_url) and agrees(return_url, ours)

    def _link(self, asked: Start) -> InstallLink:
        """What is known of this install: from the signed link, else from the query.

        A link is a week old at most, and what was allowed then need not be allowed now.
        """
        plain = InstallLink(0, hub_id=asked.hub_id, return_to=asked.return_to)
        link = self._read_link(asked.link) if asked.link else plain
        if asked.link and link.expires_at <= self._clock():
            raise InstallRefused(refusals.LINK_EXPIRED)
        if link.return_to and not within(link.return_to, self._settings.return_to_origins):
            raise InstallRefused(refusals.RETURN_TO_NOT_ALLOWED)
        if link.hubspot_return_url and not self.may_go_back_to(link.hubspot_return_url, asked.host):
            raise InstallRefused(refusals.RETURN_URL_NOT_ALLOWED)
        return link

    def _read_link(self, value: str) -> InstallLink:
        try:
            return with_keys(read_link, value, self._keys)
        except BadSignature:
            raise InstallRefused(refusals.LINK_INVALID) from None

    def _same_start(self, asked: Start, redirect_uri: str) -> str:
        given = {
            "hub_id": asked.hub_id and str(asked.hub_id),
            "return_to": asked.return_to,
            "state": asked.caller_state,
            "link": asked.link,
            "bounced": "1",
        }
        return add_query(origin_of(redirect_uri) + INSTALL_PATH, {k: v for k, v in given.items() if v})

    def _mint(
        self,
        kind: Kind,
        redirect_uri: str,
        *,
        hub_id: int | None = None,
        return_to: str | None = None,
        caller_state: str | None = None,
        client_reference_id: str | None = None,
    ) -> tuple[InstallState, Cookie]:
        nonce, browser_secret = secrets.token_urlsafe(18), secrets.token_urlsafe(24)
        state = InstallState(
            kind=kind,
            nonce=nonce,
            expires_at=int(self._clock()) + STATE_SECONDS,
            browser=browser_hash(browser_secret),
            redirect_uri=redirect_uri,
            hub_id=hub_id,
            return_to=return_to,
            caller_state=caller_state,
            client_reference_id=client_reference_id,
        )
        return state, Cookie(cookie_name(nonce, redirect_uri), browser_secret, secure(redirect_uri))
