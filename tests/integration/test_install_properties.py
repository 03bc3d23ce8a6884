"""Whatever a stranger puts into the address: no 5xx, nothing of theirs on a page, no redirect to where it may not lead.

The real handlers answer, on the real parts of product.py, on moto and beside the simulator; only the browser is ours,
and it reads addresses as browsers do (WHATWG), not as the product does.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from random import Random
from string import ascii_letters
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, quote, quote_from_bytes, urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from hubspot_oauth.adapters import telemetry
from hubspot_oauth.api.install_links import MOST_REFERENCE
from hubspot_oauth.domain.urls import MOST_URL
from hubspot_oauth.install.arrivals import MOST_CALLER_STATE
from hubspot_oauth.install.signing import read_link, read_state
from hubspot_oauth.product import deployed
from simulator import Simulator, serve
from simulator.authorization import AuthorizationRequest, answer_url
from tests.functions import handler_of
from tests.integration.conftest import SIMULATED
from tests.site import ADMIN, code_of, location, parameters
from tests.stack import ENVIRONMENT, create_resources

STATE_KEY = "a state key of a good length"
OURS = "http://localhost:3000"
ALLOWED = "https://app.example.com"
HUBSPOT = "https://app.hubspot.com"
MOST_OF_A_REQUEST = 10_240  # API Gateway's quota: the request line and the values of all headers
BROWSERS_OWN_HEADERS = 2_500  # what a browser sends of its own accord, and a dozen of our cookies
LONGEST_CODE = 1_024
MARK = "x7q"
MARKUP = f"{MARK}<script>\"'&{MARK}"
EXAMPLES = {
    "install": 1500,
    "callback": 1500,
    "one address": 700,
    "hub_id": 500,
    "altered": 500,
    "cookies": 300,
    "walk": 60,
}

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish:UserWarning")


def trying(what: str) -> settings:
    return settings(
        max_examples=EXAMPLES[what],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@dataclass
class Site:
    """The deployed functions as a browser meets them."""

    handlers: dict[str, Callable[..., Any]]
    simulator: Simulator
    hubspot_url: str
    opened: int = 0
    cookies: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    log: list[str] = field(default_factory=list)

    def open(self, path: str, query: str, cookies: list[str] | None = None, host: str = "localhost") -> dict[str, Any]:
        """Open an address; what must hold for every answer is asserted here."""
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
        return answer

    def keep(self, answer: dict[str, Any]) -> dict[str, Any]:
        for cookie in answer.get("cookies", []):
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
            self.secrets.add(value)
        return answer

    def start(self, query: str = "") -> str:
        """Start an install and keep its cookie; HubSpot's address."""
        self.cookies.clear()
        at_hubspot = location(self.keep(self.open("/install", query)))
        self.secrets.add(parameters(at_hubspot)["state"])
        return at_hubspot

    def consent(self, at_hubspot: str, hub_id: int = 100001) -> str:
        """The query HubSpot sends back."""
        request = AuthorizationRequest.parse(urlsplit(at_hubspot).query)
        query = urlsplit(answer_url(self.simulator, request, hub_id, ADMIN, allowed=True)).query
        self.secrets.add(parameters(f"?{query}")["code"])
        return query

    def make_link(self, **wanted: Any) -> dict[str, Any]:
        event = {"body": json.dumps(wanted), "requestContext": {"domainName": "localhost"}}
        answer: dict[str, Any] = self.handlers["/install-links"](event, CONTEXT)
        self.secrets.add(parameters(json.loads(answer["body"])["url"])["link"])
        return answer

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
            assert all(link.startswith((f"{OURS}/install", "mailto:help@example.com")) for link in page.links)

    def may_lead_to(self, address: str) -> bool:
        return origin_for_a_browser(address) in {OURS, ALLOWED, self.hubspot_url} or on_hubspots_hosts(address)


def origin_for_a_browser(address: str) -> str:
    """Where a browser goes: it drops tabs and newlines, reads "\\" as "/", and ignores the user before an "@"."""
    seen = re.sub(r"[\t\n\r]", "", address.strip("".join(map(chr, range(33))))).replace("\\", "/")
    parts = urlsplit(re.sub(r"^(https?):/*", r"\1://", seen, flags=re.IGNORECASE))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def on_hubspots_hosts(address: str) -> bool:
    scheme, _, host = origin_for_a_browser(address).partition("://")
    name = host.removesuffix(".hubspot.com")
    return scheme == "https" and name != host and (name == "app" or (name[:4] == "app-" and name[4:].isalnum()))


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


CONTEXT = SimpleNamespace(
    function_name="test",
    function_version="1",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:test",
    aws_request_id="00000000-0000-4000-8000-000000000000",
    get_remaining_time_in_millis=lambda: 30_000,
)
TAGS = {
    "html",
    "head",
    "meta",
    "base",
    "title",
    "style",
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


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Built once: the handlers find their parts in the composition roots, which find moto and the simulator."""
    with pytest.MonkeyPatch.context() as patch, mock_aws(), serve(SIMULATED) as hubspot:
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


def bypasses(host: str) -> list[str]:
    """Addresses that are not on ``host``, or not plainly, and that some parser takes for it."""
    look_alike = host.replace("a", "а", 1)  # a Cyrillic letter
    full_width = "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in host)
    return [
        f"//{host}",
        f"///{host}/",
        f"\\\\{host}",
        f"/\\{host}",
        f"https:\\\\{host}",
        f"https:{host}",
        f"https:/{host}/",
        f"https:///{host}/",
        f"http://{host}/",
        f"HTTPS://{host}/",
        f"https://{host.upper()}/",
        f"https://{host}.evil.test/",
        f"https://evil{host}/",
        f"https://{host}@evil.test/",
        f"https://{host}:pw@evil.test/",
        f"https://user@{host}/",
        f"https://user:pw@{host}/",
        f"https://{host}\\@evil.test/",
        f"https://{host}%40evil.test/",
        f"https://evil.test/https://{host}/",
        f"https://evil.test#@{host}/",
        f"https://evil.test?@{host}/",
        f"https://evil.test\\.{host}/",
        f"https://evil.test%2f.{host}/",
        f"https://{host}:443/",
        f"https://{host}:8443/",
        f"https://{host}:/",
        f"https://{host}:0x1bb/",
        f"https://{host}\t/",
        f"https://{host}\n.evil.test/",
        f"https://{host}/\r\nset-cookie: a=b",
        f"\thttps://{host}/",
        f"ht\ntps://{host}/",
        f" https://{host}/",
        f"https://{host}\0.evil.test/",
        f"https://{host}%00.evil.test/",
        f"https://{host}%0a.evil.test/",
        f"https://{host}%2fevil.test",
        f"https://{host}%5cevil.test",
        f"https:%2f%2f{host}/",
        f"https%3a//{host}/",
        f"https://{host}./",
        f"https://{host}../",
        f"https://{look_alike}/",
        f"https://{full_width}/",
        f"https://{host.replace('.', '。')}/",
        f"https://{host.replace('.', '．')}/",
        f"https://{host}／.evil.test/",
        f"https://{host}\u2044.evil.test/",
        f"https://{host}\u00ad/",
        f"https://{host}\u200b/",
        f"https://xn--{host}/",
        f"https://{host}/\u2028",
        f"javascript:alert(1)//https://{host}/",
        f"javascript://{host}/%0aalert(1)",
        f"data:text/html,https://{host}/",
        f"https://[::1]/{host}",
        "https://2130706433/",
        "",
        "/",
        "?",
        "#",
        ".",
    ]


HUB_IDS = [
    "0",
    "0123",
    "+123",
    "-1",
    "1_23",
    "１２３",
    "१२३",
    " 1",
    "1 ",
    "1\n",
    "1.0",
    "1e3",
    "0x1",
    "1" * 17,
    "٣",
    "1/..",
    "²",
]
BYPASSES = [*bypasses("app.example.com"), *bypasses("app.hubspot.com"), *bypasses("app-eu1.hubspot.com")]

text = st.text(st.characters(codec="utf-8"), max_size=40)
anything = (
    text
    | st.sampled_from([MARKUP, f"</title>{MARKUP}", f"javascript:{MARK}", "../" * 8 + MARK, "%00", "%0d%0aa: b"])
    | st.sampled_from(BYPASSES)
    | st.sampled_from(HUB_IDS)
    | st.sampled_from([ALLOWED, HUBSPOT, "https://app-eu1.hubspot.com"]).flatmap(lambda o: text.map(lambda t: o + t))
    | st.integers(1, 9000).map(lambda length: "y" * length)
)
addresses = st.sampled_from([f"{ALLOWED}/done?x=1#y", f"{HUBSPOT}/connect", "https://app-eu1.hubspot.com/x"]) | anything
encoded = st.one_of(
    anything.map(lambda value: quote(value, safe="")),
    anything.map(lambda value: quote(value, safe="/:@?=+;,\\<>\"'")),
    anything.map(lambda value: quote(quote(value, safe=""), safe="")),
    st.binary(max_size=12).map(quote_from_bytes),
)


def queries(**likely: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Query strings: any of the names with likely or wild values, some twice, some unknown, or no query at all."""
    names = st.sampled_from([*likely, *likely, "link", "bounced", "error_description", "STATE", "state[]", MARK])
    pairs = names.flatmap(
        lambda name: st.tuples(
            st.just(name), encoded | likely.get(name, st.nothing()).map(lambda value: quote(value, safe=""))
        )
    )
    unique = st.lists(pairs, max_size=6, unique_by=lambda pair: pair[0])
    raw = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)
    return (unique | st.lists(pairs, max_size=4)).map(lambda chosen: "&".join(f"{n}={v}" for n, v in chosen)) | raw


START = queries(
    hub_id=st.sampled_from(["100001", "7", *HUB_IDS]), return_to=addresses, state=text, link=text, bounced=st.just("1")
)
ARRIVAL = queries(
    code=text,
    state=text,
    returnUrl=addresses,
    step=st.sampled_from(["authorize", "finalize"]),
    error=st.sampled_from(["access_denied", "server_error"]) | text,
)


@trying("install")
@given(query=START, host=st.sampled_from(["localhost", "abc.execute-api.eu-central-1.amazonaws.com"]))
@example("hub_id=1&hub_id=2", "localhost")
@example("return_to=https%3A%2F%2Fapp.example.com&return_to=https%3A%2F%2Fevil.test", "localhost")
@example("&".join(f"a{n}=1" for n in range(41)), "localhost")
@example("state=%00", "localhost")
@example("state=%ff%fe", "localhost")
@example("return_to", "localhost")
@example("=" * 99, "localhost")
@example(f"link={'.' * 9}", "localhost")
@example("bounced=1&return_to=https%3A%2F%2Fevil.test", "abc.execute-api.eu-central-1.amazonaws.com")
def test_any_query_of_install_gets_a_plain_page_or_a_redirect_to_where_it_may_lead(
    site: Site, query: str, host: str
) -> None:
    site.open("/install", query, [], host)


@trying("callback")
@given(query=ARRIVAL, host=st.sampled_from(["localhost", "abc.execute-api.eu-central-1.amazonaws.com"]))
@example("code=a&code=b&returnUrl=https%3A%2F%2Fapp.hubspot.com", "localhost")
@example("code=a&returnUrl=https%3A%2F%2Fapp.hubspot.com&returnUrl=https%3A%2F%2Fevil.test", "localhost")
@example(f"error={quote(MARKUP)}&error_description={quote(MARKUP)}", "localhost")
@example("step=authorize&returnUrl=%2F%2Fapp.hubspot.com", "localhost")
@example("step=finalize&code=a&state=b&returnUrl=javascript:alert(1)", "localhost")
@example("code=%ff", "localhost")
@example("state=.&code=x", "localhost")
@example("state=.a.b&code=x", "localhost")
@example("state=%F0%9F%98%80.x&code=x", "localhost")
def test_any_query_of_the_callback_gets_a_plain_page_or_a_redirect_to_where_it_may_lead(
    site: Site, query: str, host: str
) -> None:
    site.open("/oauth-callback", query, [], host)


@pytest.mark.parametrize("address", [a for a in dict.fromkeys(BYPASSES) if a])
def test_a_classic_bypass_is_refused_as_return_to_and_as_return_url(site: Site, address: str) -> None:
    returned = site.open("/install", f"return_to={quote(address, safe='')}", [])
    signed_in = site.open("/oauth-callback", f"step=authorize&returnUrl={quote(address, safe='')}", [])
    seamless = site.open("/oauth-callback", f"code=spent-by-nobody&returnUrl={quote(address, safe='')}", [])

    assert code_of(returned) in {"return_to_not_allowed", "invalid_request"}
    assert code_of(signed_in) == code_of(seamless)
    assert code_of(seamless) in {"return_url_not_allowed", "invalid_request"}


@trying("one address")
@given(address=addresses)
def test_return_to_is_accepted_only_where_a_browser_stays_on_an_allowed_origin(site: Site, address: str) -> None:
    answer = site.open("/install", f"return_to={quote(address, safe='')}", [])

    if answer["statusCode"] == 302 and address:
        assert origin_for_a_browser(address) == ALLOWED
        signed = parameters(location(answer))["state"]
        assert read_state(signed, [STATE_KEY]).return_to == address


@trying("one address")
@given(address=addresses)
def test_return_url_is_accepted_only_where_a_browser_stays_on_hubspots_hosts(site: Site, address: str) -> None:
    answer = site.open("/oauth-callback", f"step=authorize&returnUrl={quote(address, safe='')}", [])

    if answer["statusCode"] == 302:
        assert on_hubspots_hosts(address)
        assert location(answer).startswith(address.partition("#")[0])


@trying("hub_id")
@given(value=st.sampled_from(HUB_IDS) | st.integers(0, 10**17).map(str) | st.from_regex(r"\A\d{1,17}\Z") | text)
@example("0123")
@example("+123")
@example("1_23")
@example("１２３")
@example("1" * 16)
def test_hub_id_is_taken_only_as_plain_digits_and_letter_by_letter(site: Site, value: str) -> None:
    answer = site.open("/install", f"hub_id={quote(value, safe='')}", [])

    plain = 1 <= len(value) <= 16 and set(value) <= set("0123456789") and value[0] != "0"
    assert (answer["statusCode"] == 302) == (plain or value == "")
    if plain:
        assert urlsplit(location(answer)).path == f"/oauth/{value}/authorize"


alterations = st.tuples(st.sampled_from(["replace", "insert", "delete", "cut"]), st.integers(0, 2000), text)


def altered(value: str, alteration: tuple[str, int, str]) -> str:
    how, position, put = alteration
    at = position % len(value)
    return {
        "replace": value[:at] + (put or "A")[0] + value[at + 1 :],
        "insert": value[:at] + put + value[at:],
        "delete": value[:at] + value[at + 1 :],
        "cut": value[:at],
    }[how]


@trying("altered")
@given(alteration=alterations)
@example(("replace", -1, "A"))
@example(("insert", 0, "."))
@example(("insert", -1, "="))
def test_an_altered_state_is_refused_or_says_what_was_signed(site: Site, alteration: tuple[str, int, str]) -> None:
    signed = parameters(site.start("hub_id=7&state=theirs"))["state"]
    sent = altered(signed, alteration)

    answer = site.open("/oauth-callback", f"code=unknown&state={quote(sent, safe='')}")

    if sent and code_of(answer) not in {"state_invalid", "invalid_request"}:
        assert read_state(sent, [STATE_KEY]) == read_state(signed, [STATE_KEY])


@trying("altered")
@given(alteration=alterations)
def test_an_altered_link_is_refused_or_says_what_was_signed(site: Site, alteration: tuple[str, int, str]) -> None:
    url = json.loads(site.make_link(client_reference_id="customer-1", hub_id=7)["body"])["url"]
    signed = parameters(url)["link"]
    sent = altered(signed, alteration)

    answer = site.open("/install", f"link={quote(sent, safe='')}", [])

    if sent and code_of(answer) not in {"link_invalid", "invalid_request"}:
        assert read_link(sent, [STATE_KEY]) == read_link(signed, [STATE_KEY])


@trying("cookies")
@given(cookies=st.lists(text | text.map("hubspot-install-".__add__), max_size=4), value=text)
def test_no_cookie_but_the_one_that_was_set_finishes_an_install(site: Site, cookies: list[str], value: str) -> None:
    at_hubspot = site.start()
    [name] = site.cookies

    answer = site.open(
        "/oauth-callback", f"code=x&state={parameters(at_hubspot)['state']}", [*cookies, f"{name}={value}"]
    )

    assert code_of(answer) == "browser_mismatch"


@trying("walk")
@given(
    path=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='\\"'), max_size=80),
    state=st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(str.isprintable),
)
def test_an_install_ends_at_return_to_with_the_callers_state_unchanged(site: Site, path: str, state: str) -> None:
    back = f"{ALLOWED}/{path}"
    query = site.consent(site.start(f"return_to={quote(back, safe='')}&state={quote(state, safe='')}"))

    landing = location(site.open("/oauth-callback", query))

    given_back = parse_qs(urlsplit(landing).query, keep_blank_values=True)
    assert origin_for_a_browser(landing) == ALLOWED
    assert landing.startswith(back.partition("#")[0])
    assert (given_back["hub_id"][-1], given_back["state"][-1]) == ("100001", state)


@pytest.mark.parametrize(
    ("hub_id", "letters"),
    [
        (100001, ascii_letters),
        (100002, "".join(map(chr, range(0xC0, 0x100)))),
        (100003, "".join(map(chr, range(0x20000, 0x2A000)))),
    ],
)
def test_what_may_be_started_can_be_finished_however_long_its_values(site: Site, hub_id: int, letters: str) -> None:
    noise = Random(hub_id)  # values that do not compress
    reference = "".join(noise.choices(letters, k=MOST_REFERENCE))
    state = "".join(noise.choices(letters, k=MOST_CALLER_STATE // len(letters[-1].encode())))
    back = f"{ALLOWED}/" + "".join(noise.choices(ascii_letters, k=MOST_URL - len(ALLOWED) - 1))
    made = site.make_link(client_reference_id=reference, return_to=back)
    assert made["statusCode"] == 201

    asked = urlsplit(json.loads(made["body"])["url"]).query + f"&state={quote(state)}"
    at_hubspot = site.start(asked)
    returned = site.consent(at_hubspot, hub_id)
    again = site.open("/oauth-callback", f"error=access_denied&state={parameters(at_hubspot)['state']}")
    landing = location(site.open("/oauth-callback", returned))

    start_again = urlsplit(again["body"].split('class="button" href="')[1].split('"')[0].replace("&amp;", "&")).query
    longest_code = "c" * (LONGEST_CODE - len(parameters(f"?{returned}")["code"]))
    for query in (asked, start_again, returned + longest_code):
        assert len(query) + BROWSERS_OWN_HEADERS <= MOST_OF_A_REQUEST
    assert parameters(landing) == {"hub_id": str(hub_id), "state": state}


@pytest.fixture
def all_of_it(site: Site, request: pytest.FixtureRequest) -> Site:
    """The site after all of the tests above."""
    chosen = {item.name.partition("[")[0] for item in request.session.items if item.path == request.path}
    if chosen < {name for name in globals() if name.startswith("test_")}:
        pytest.skip("only some of the tests were chosen")
    return site


def test_five_thousand_examples_and_more_were_tried(all_of_it: Site) -> None:
    assert sum(EXAMPLES.values()) >= 5_000
    assert all_of_it.opened >= 5_000


def test_none_of_it_left_a_code_state_link_or_cookie_in_the_log(all_of_it: Site) -> None:
    log = "\n".join(all_of_it.log)

    assert '"InstallsRefused"' in log
    assert '"InstallsCompleted"' in log
    assert len(all_of_it.secrets) > EXAMPLES["walk"]
    assert [secret for secret in all_of_it.secrets if secret[:20] in log] == []
