"""The deployed functions as a browser meets them, with what must hold for every answer.

The real handlers answer, on the real parts of product.py, on moto and beside the simulator; only the browser is ours,
and it reads addresses as browsers do, not as the product does.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, settings
from moto import mock_aws

from hubspot_oauth.adapters import telemetry
from hubspot_oauth.product import deployed
from simulator import Simulator, serve
from simulator.authorization import AuthorizationRequest, answer_url
from tests.support import simulated_hubspot
from tests.support.browser_reading import query_of
from tests.support.handlers import handler_of
from tests.support.hostile_addresses import ALLOWED, MARK, on_hubspots_hosts, origin_for_a_browser
from tests.support.lambda_events import lambda_context, signed_event
from tests.support.product_visitor import ADMIN, cookies_of, location
from tests.support.secret_scan import PREFIX_LENGTH
from tests.support.stack import ENVIRONMENT, create_resources

OURS = "http://localhost:3000"
STATE_KEY = "a state key of a good length"
#: How many examples each file of properties tries at least. A file counts its own, since another worker may run the
#: other; together they try 5,000.
EXAMPLES_AT_LEAST = {"test_install_addresses": 4_000, "test_install_alterations": 1_000}
CONTEXT = lambda_context("test", 30)
TAGS = {
    "html",
    "head",
    "meta",
    "base",
    "title",
    "style",
    "svg",
    "circle",
    "path",
    "body",
    "header",
    "span",
    "main",
    "h1",
    "p",
    "a",
    "footer",
    "code",
}


def tries(examples: int) -> settings:
    return settings(max_examples=examples, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@dataclass
class Site:
    handlers: dict[str, Callable[..., Any]]
    simulator: Simulator
    hubspot_url: str
    opened: int = 0
    cookies: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    log: list[str] = field(default_factory=list)

    def open(self, path: str, query: str, cookies: list[str] | None = None, host: str = "localhost") -> dict[str, Any]:
        """Open an address, and assert what must hold for every answer."""
        self.opened += 1
        if cookies is None:
            cookies = [f"{name}={value}" for name, value in self.cookies.items()]
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "cookies": cookies,
            "requestContext": {"domainName": host, "http": {"method": "GET", "path": path}},
        }
        answer: dict[str, Any] = self.handlers[path](event, CONTEXT)
        self.check(answer)
        self.secrets.update(cookies_of(answer).values())
        return answer

    def keep(self, answer: dict[str, Any]) -> dict[str, Any]:
        self.cookies |= cookies_of(answer)
        return answer

    def start(self, query: str = "") -> str:
        """Start an install and keep its cookie; HubSpot's address."""
        self.cookies.clear()
        at_hubspot = location(self.keep(self.open("/install", query)))
        self.secrets.add(query_of(at_hubspot)["state"])
        return at_hubspot

    def consent(self, at_hubspot: str, hub_id: int = 100001) -> str:
        """The query HubSpot sends back."""
        request = AuthorizationRequest.parse(urlsplit(at_hubspot).query)
        query = urlsplit(answer_url(self.simulator, request, hub_id, ADMIN, allowed=True)).query
        self.secrets.add(query_of(f"?{query}")["code"])
        return query

    def make_link(self, **wanted: Any) -> dict[str, Any]:
        event = signed_event("POST /install-links", body=json.dumps(wanted))
        answer: dict[str, Any] = self.handlers["/install-links"](event, CONTEXT)
        self.secrets.add(query_of(json.loads(answer["body"])["url"])["link"])
        return answer

    def log_text(self) -> str:
        return "\n".join(self.log)

    def leaked(self) -> list[str]:
        """The secrets whose first characters stand in the log."""
        log = self.log_text()
        return [secret for secret in self.secrets if secret[:PREFIX_LENGTH] in log]

    def check(self, answer: dict[str, Any]) -> None:
        assert answer["statusCode"] in {200, 302, 400, 409}, answer
        for name, value in [*answer["headers"].items(), *(("set-cookie", c) for c in answer.get("cookies", []))]:
            assert re.fullmatch(r"[!-~]( ?[!-~])*", value), f"{name} is not plain: {value!r}"
        assert answer["headers"]["referrer-policy"] == "no-referrer"
        assert answer["headers"]["cache-control"] == "no-store"
        if answer["statusCode"] == 302:
            assert self.may_lead_to(answer["headers"]["location"]), answer["headers"]["location"]
            assert answer["body"] == ""
        else:
            assert "content-security-policy" in answer["headers"]
            assert MARK not in answer["body"]
            page = _Page(answer["body"])
            assert page.tags <= TAGS
            assert not page.handlers
            ours = (f"{OURS}/install", "mailto:help@example.com")
            assert all(link.startswith(ours) or origin_for_a_browser(link) == ALLOWED for link in page.links)

    def may_lead_to(self, address: str) -> bool:
        return origin_for_a_browser(address) in {OURS, ALLOWED, self.hubspot_url} or on_hubspots_hosts(address)


class _Page(HTMLParser):
    def __init__(self, body: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.feed(body)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "action"}]
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name in {"style", "srcdoc"}]


@contextmanager
def deployed_site() -> Iterator[Site]:
    """A site whose composition finds moto and the simulator by its environment, as a deployed one finds AWS."""
    with pytest.MonkeyPatch.context() as patch, mock_aws(), serve(simulated_hubspot.SETTINGS) as hubspot:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        urls = {"HUBSPOT_API_URL": hubspot.url, "HUBSPOT_APP_URL": hubspot.url}
        for name, value in {**ENVIRONMENT, **create_resources(), **urls}.items():
            patch.setenv(name, value)
        patch.setenv("POWERTOOLS_METRICS_NAMESPACE", "test")
        patch.setattr(telemetry.metrics.provider, "namespace", "test")
        deployed.cache_clear()
        handlers = {f"/{name}": handler_of(name.replace("-", "_")) for name in ("install", "install-links")}
        site = Site({**handlers, "/oauth-callback": handler_of("callback")}, hubspot.simulator, hubspot.url)
        listening, logger = Listening(site.log), logging.getLogger(telemetry.logger.name)
        logger.addHandler(listening)
        yield site
        logger.removeHandler(listening)
        deployed.cache_clear()


class Listening(logging.Handler):
    """Keeps the log as it is written."""

    def __init__(self, log: list[str]) -> None:
        super().__init__()
        self.setFormatter(telemetry.logger.registered_formatter)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.append(self.format(record))
