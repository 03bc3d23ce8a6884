"""A browser in front of the product's two pages and the simulator's consent, without a server in between."""

from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from hubspot_oauth.adapters.api_gateway import Response
from simulator import Simulator
from simulator.authorization import AuthorizationRequest, answer_url
from tests.support.browser_reading import refusal_code
from tests.support.stack import Stack

ADMIN = 9001


@dataclass
class ProductVisitor:
    """One person's browser: it keeps cookies and follows redirects when it is told to."""

    stack: Stack
    simulator: Simulator
    host: str = "localhost"
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)

    def open(self, url: str, method: str = "GET") -> Response:
        """Open one of the product's addresses."""
        parts = urlsplit(url)
        event = {
            "rawQueryString": parts.query,
            "headers": self.headers,
            "cookies": [f"{name}={value}" for name, value in self.cookies.items()],
            "requestContext": {"domainName": self.host, "http": {"method": method}},
        }
        route = self.stack.start_route if parts.path.endswith("/install") else self.stack.callback_route
        response = route.answer(event)
        for cookie in response.get("cookies", []):
            name, _, rest = cookie.partition("=")
            self.cookies.pop(name, None)
            if "; Max-Age=0;" not in rest:
                self.cookies[name] = rest.partition(";")[0]
        return response

    def install(self, **query: str) -> Response:
        return self.open("/install?" + urlencode(query))

    def consent(self, at_hubspot: str, hub_id: int = 100001, *, allowed: bool = True) -> str:
        """Decide on HubSpot's page; the address HubSpot sends the browser to."""
        parts = urlsplit(at_hubspot)
        path = parts.path.strip("/").split("/")
        chosen = int(path[1]) if len(path) == 3 and hub_id == 100001 else hub_id
        request = AuthorizationRequest.parse(parts.query)
        return answer_url(self.simulator, request, chosen, ADMIN, allowed=allowed)

    def callback_url(self, hub_id: int = 100001, **query: str) -> str:
        """Start an install and allow it at HubSpot; the callback's address, not opened yet."""
        return self.consent(location(self.install(**query)), hub_id)

    def walk(self, hub_id: int = 100001, **query: str) -> Response:
        """The whole straight path."""
        return self.open(self.callback_url(hub_id, **query))


def cookies_of(response: Response) -> dict[str, str]:
    """The cookies that a response sets, without their attributes."""
    pairs = (cookie.split(";")[0].partition("=") for cookie in response.get("cookies", []))
    return {name: value for name, _, value in pairs}


def location(response: Response) -> str:
    assert response["statusCode"] == 302, response
    return str(response["headers"]["location"])


def refusal_of(response: Response) -> str | None:
    """The refusal's code on a page, or None."""
    return refusal_code(response["body"])
