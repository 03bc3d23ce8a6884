"""Decides which URLs an install may send a browser to: those on the team's own sites, and HubSpot's pages.

The checks compare text prefixes of plain ASCII instead of parsed parts, so that a browser and Python cannot parse an
accepted URL differently.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.urls import MOST_URL

_PLAIN = re.compile(r"[!#-\[\]^_`a-z{|}~]+")  # printable ASCII without space, double quote and backslash
_HUBSPOT = re.compile(r"https://app(-[a-z0-9]{1,16})?\.hubspot\.com")


@dataclass(kw_only=True)
class AllowedDestinations:
    """Checks URLs that came from outside."""

    settings: Settings

    def allows_return_to(self, url: str) -> bool:
        """Whether ``url`` is on one of the allowed origins, as a ``return_to`` must be."""
        return len(url) <= MOST_URL and within(url, self.settings.return_to_origins)

    def allows_hubspot_page(self, url: str, host: str) -> bool:
        """Whether a browser may go to ``url`` with a state: a page of HubSpot's, but not another app's consent page.

        Another app's consent page would hand the state to that app. That app could then finish our install with an
        account of its own choice.
        """
        ours = {"client_id": self.settings.client_id, "redirect_uri": self.settings.redirect_uri(host)}
        return on_hubspot(url, self.settings.app_url) and agrees(url, ours)


def within(url: str, origins: Iterable[str]) -> bool:
    """Whether ``url`` has exactly the scheme, host and port of one of ``origins``."""
    if not _PLAIN.fullmatch(url):
        return False
    return any(url == origin or url.startswith((f"{origin}/", f"{origin}?", f"{origin}#")) for origin in origins)


def on_hubspot(url: str, app_url: str) -> bool:
    """Whether ``url`` is on ``app_url`` or on HubSpot's app in any region (https, no user, no port)."""
    origin = _HUBSPOT.match(url)
    return within(url, [app_url, *([origin[0]] if origin else [])])


def agrees(url: str, expected: Mapping[str, str]) -> bool:
    """Whether each query parameter of ``url`` that ``expected`` names has the expected value."""
    query = url.partition("#")[0].partition("?")[2]
    pairs = (pair.partition("=") for pair in re.split("[&;]", query))
    return all(unquote_plus(value) == expected.get(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs)
