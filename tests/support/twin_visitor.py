"""A person's visits to a running twin, over HTTP and without a browser."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

import requests

from simulator.visitor import decide
from tests.support.browser_reading import refusal_code
from tests.support.twin_client import ACME, TwinClient


@dataclass
class TwinVisitor:
    """A person's browser without a screen: it keeps cookies, and every page it saw."""

    twin: TwinClient
    session: requests.Session = field(default_factory=requests.Session)
    pages: list[requests.Response] = field(default_factory=list)

    def open(self, url: str) -> requests.Response:
        answer = self.session.get(url, allow_redirects=False, timeout=60)
        self.pages.append(answer)
        return answer

    def start(self, **query: object) -> requests.Response:
        return self.open(f"{self.twin.url}/install" + (f"?{urlencode(query)}" if query else ""))

    def consent(self, at_hubspot: str, hub_id: int = ACME, decision: str = "allow") -> str:
        return decide(at_hubspot, hub_id, decision)

    def callback_url(self, hub_id: int = ACME, **query: object) -> str:
        """Start an install and allow it at HubSpot; the callback's address, not opened yet."""
        return self.consent(self.start(**query).headers["location"], hub_id)

    def install(self, hub_id: int = ACME, **query: object) -> requests.Response:
        """The straight path from the product's own start, to the page at its end."""
        return self.land(self.callback_url(hub_id, **query))

    def install_by(self, link: str, hub_id: int = ACME) -> requests.Response:
        """The straight path from an install link, to the page at its end."""
        return self.land(self.consent(self.open(link).headers["location"], hub_id))

    def land(self, url: str) -> requests.Response:
        """Open the address HubSpot sends to and follow the twin's own redirects."""
        answer = self.open(url)
        while answer.is_redirect and answer.headers["location"].startswith(("/", self.twin.url)):
            answer = self.open(requests.compat.urljoin(url, answer.headers["location"]))
        return answer


def refusal_of(page: requests.Response) -> str | None:
    """The refusal's code on a page, or None."""
    return refusal_code(page.text)
