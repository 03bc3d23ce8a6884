"""The composition: each setting reaches the part it is for, and the parts fit together."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache, cached_property, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, get_type_hints

import pytest

from hubspot_oauth.adapters import http_calls
from hubspot_oauth.adapters.aws import AWS_CONFIG
from hubspot_oauth.domain import refresh_timing
from hubspot_oauth.domain.install_state import InstallState, Kind
from hubspot_oauth.domain.settings import Brand, Settings
from hubspot_oauth.domain.tokens import Tokens
from hubspot_oauth.product import Product
from simulator import Running
from tests.support.product_visitor import ProductVisitor
from tests.support.simulated_hubspot import token_calls
from tests.support.stack import ENVIRONMENT, Clock, Stack, a_minute

AT_ONCE = 4
HUB_ID = 100001


class Crowd(ThreadingHTTPServer):
    """A HubSpot that answers a refresh only once so many are under way, and counts its connections."""

    daemon_threads = True

    def __init__(self) -> None:
        self.together = threading.Barrier(AT_ONCE)
        self.connections = 0
        super().__init__(("127.0.0.1", 0), Answering)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)


class Answering(BaseHTTPRequestHandler):
    server: Crowd
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.together.wait(timeout=30)
        body = b'{"access_token": "new", "refresh_token": "newer", "expires_in": 1800}'
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    with Crowd() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def fleet(aws: dict[str, str], clock: Clock, crowd: Crowd) -> Stack:
    """As many accounts as are refreshed at once, all of them due."""
    url = f"http://127.0.0.1:{crowd.server_port}"
    stack = Stack({**aws, "HUBSPOT_API_URL": url, "REFRESH_CONCURRENCY": str(AT_ONCE)}, clock)
    for hub_id in range(1, AT_ONCE + 1):
        stack.store(hub_id, Tokens("old", "older"))
    clock.forward(1500)
    return stack


def test_a_worker_refreshes_as_many_accounts_at_once_as_the_settings_say(fleet: Stack) -> None:
    fleet.tick()

    assert fleet.reports.total("Refreshed") == AT_ONCE


def test_each_refresh_at_once_keeps_a_connection(fleet: Stack, clock: Clock, crowd: Crowd) -> None:
    fleet.tick()
    clock.forward(1500)
    fleet.tick()

    assert fleet.reports.total("Refreshed") == 2 * AT_ONCE
    assert crowd.connections == AT_ONCE


@pytest.mark.parametrize(("concurrency", "workers", "messages"), [(1, 10, 24), (5, 2, 24), (1, 20, 48)])
def test_the_dispatcher_waits_while_a_ticks_work_of_all_workers_is_queued(
    aws: dict[str, str], clock: Clock, concurrency: int, workers: int, messages: int
) -> None:
    settings = {"REFRESH_CONCURRENCY": str(concurrency), "REFRESH_WORKERS": str(workers)}
    stack = Stack({**aws, **settings}, clock)
    stack.store(1, Tokens("old", "older"))
    clock.forward(1500)
    for _ in range(messages - 1):
        stack.sqs.send_message(QueueUrl=stack.settings.refresh_queue_url, MessageBody="{}")

    assert stack.dispatcher.tick(a_minute) == 1
    assert stack.dispatcher.tick(a_minute) == 0
    assert stack.reports.total("DispatchSkipped") == 1


@pytest.mark.parametrize(("percent", "margin"), [("20", 360), ("50", 900)])
def test_a_caller_may_ask_for_as_much_life_as_the_margin(
    make_stack: Callable[..., Stack], hubspot: Running, clock: Clock, percent: str, margin: int
) -> None:
    stack = make_stack(REFRESH_MARGIN_PERCENT=percent)
    ProductVisitor(stack, hubspot.simulator).walk(HUB_ID)

    clock.forward(1800 - margin - 1)
    stack.token(HUB_ID, min_ttl=99_999)
    assert token_calls(hubspot.simulator, "refresh_token") == 0

    clock.forward(2)
    stack.token(HUB_ID, min_ttl=99_999)
    assert token_calls(hubspot.simulator, "refresh_token") == 1


@pytest.mark.parametrize("percent", [10, 33, 80])
def test_a_token_is_due_by_the_margin_after_an_install_and_after_a_refresh(
    make_stack: Callable[..., Stack], hubspot: Running, clock: Clock, percent: int
) -> None:
    stack = make_stack(REFRESH_MARGIN_PERCENT=str(percent))
    ProductVisitor(stack, hubspot.simulator).walk(HUB_ID)

    for _ in range(2):
        account = stack.stored(HUB_ID)
        assert account.refresh_at
        due_after = (account.refresh_at - account.issued_at) / account.lifetime
        latest = 1 - percent / 100
        assert max(0, latest - refresh_timing.JITTER_SHARE) - 0.001 <= due_after <= latest
        clock.forward(account.lifetime - 1)
        stack.tick()


def test_aws_clients_keep_a_connection_for_each_refresh_at_once() -> None:
    made: list[Any] = []

    def client(service: str, config: Any) -> Any:
        made.append(config)

    for concurrency in ("4", "32"):
        product = Product(Settings.from_env({**ENVIRONMENT, "REFRESH_CONCURRENCY": concurrency}), client=client)
        assert product.aws.dynamodb is None

    assert [config.max_pool_connections for config in made] == [10, 32]
    for config in made:
        assert (config.read_timeout, config.retries) == (AWS_CONFIG.read_timeout, AWS_CONFIG.retries)  # type: ignore[attr-defined]


def room_of(kind: type) -> str:
    return kind.__module__.split(".")[1]


@cache
def parts() -> dict[str, type]:
    """Each part of the product, and its type."""
    product = Product(Settings.from_env(ENVIRONMENT), client=lambda *_, **__: None)
    names = [name for name, part in vars(Product).items() if isinstance(part, cached_property)]
    return {name: type(getattr(product, name)) for name in [*names, "settings"]}


#: What is put together by name; settings and adapters are not.
SERVICES = {
    name: kind
    for name, kind in parts().items()
    if is_dataclass(kind) and room_of(kind) in ("install", "refresh", "api")
}
GIVEN = ("clock", "monotonic", "sleep", "roll", "report")


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_field_bears_the_name_of_a_part_of_its_type(service: str) -> None:
    """What the type checker cannot see, because the composition hands parts over by name."""
    known = parts()
    hints = get_type_hints(SERVICES[service])

    for field in fields(SERVICES[service]):
        if field.init and field.name not in GIVEN:
            assert hints[field.name] is known[field.name]


def test_what_is_handed_in_reaches_every_part_under_its_name() -> None:
    given: dict[str, Any] = {name: partial(float, position) for position, name in enumerate(GIVEN)}
    product = Product(Settings.from_env(ENVIRONMENT), client=lambda *_, **__: None, **given)

    for name in parts():
        held = {field.removeprefix("_"): value for field, value in vars_of(getattr(product, name)).items()}
        assert {field: value for field, value in held.items() if field in given} == {
            field: given[field] for field in held if field in given
        }, name


def vars_of(part: object) -> dict[str, Any]:
    """The attributes of a part, whether it keeps them in a dictionary or in slots."""
    return vars(part) if hasattr(part, "__dict__") else {name: getattr(part, name) for name in part.__slots__}  # type: ignore[attr-defined]


DISTINCT = {
    "APP_NAME": "name",
    "APP_URL": "https://contoso.example",
    "LOGO_URL": "https://logo.example",
    "BRAND_COLOR": "#123456",
    "SUPPORT_URL": "https://support.example",
    "HUBSPOT_CLIENT_ID": "client-id",
    "HUBSPOT_API_VERSION": "2026-03",
    "HUBSPOT_API_URL": "https://api.example",
    "HUBSPOT_APP_URL": "https://app.example",
    "REQUIRED_SCOPES": "required",
    "CONDITIONAL_SCOPES": "conditional",
    "OPTIONAL_SCOPES": "optional",
    "REDIRECT_URL": "https://redirect.example/callback",
    "CALLBACK_PATH": "/callback",
    "RETURN_TO_ORIGINS": "https://return.example",
    "MARKETPLACE_INSTALLS": "true",
    "SIGN_IN_URL": "https://sign-in.example",
    "REFRESH_MARGIN_PERCENT": "11",
    "REFRESH_CONCURRENCY": "12",
    "REFRESH_WORKERS": "13",
    "ACCOUNTS_TABLE": "accounts",
    "SCRATCH_TABLE": "scratch",
    "KMS_KEY_ID": "key",
    "CLIENT_SECRET_ID": "client-secret",
    "STATE_KEY_ID": "state-key",
    "REFRESH_QUEUE_URL": "refresh",
    "RESCUE_QUEUE_URL": "rescue",
}


def test_each_variable_reaches_its_own_setting() -> None:
    assert DISTINCT.keys() == ENVIRONMENT.keys()

    assert Settings.from_env(DISTINCT) == Settings(
        brand=Brand("name", "https://logo.example", "#123456", "https://contoso.example", "https://support.example"),
        client_id="client-id",
        api_version="2026-03",
        api_url="https://api.example",
        app_url="https://app.example",
        required_scopes=("required",),
        conditional_scopes=("conditional",),
        optional_scopes=("optional",),
        redirect_url="https://redirect.example/callback",
        callback_path="/callback",
        return_to_origins=("https://return.example",),
        marketplace_installs=True,
        sign_in_url="https://sign-in.example",
        margin_percent=11,
        refresh_concurrency=12,
        refresh_workers=13,
        accounts_table="accounts",
        scratch_table="scratch",
        kms_key_id="key",
        client_secret_id="client-secret",
        state_key_id="state-key",
        refresh_queue_url="refresh",
        rescue_queue_url="rescue",
    )


def test_people_are_sent_to_hubspots_pages_and_calls_to_its_api(monkeypatch: pytest.MonkeyPatch) -> None:
    product = Product(Settings.from_env(DISTINCT), client=lambda *_, **__: None)
    called: list[str] = []

    def call(_client: object, _method: str, url: str, *_: object, **__: object) -> http_calls.Answer:
        called.append(url)
        return http_calls.Answer(204, {}, b"")

    monkeypatch.setattr(http_calls, "call", call)
    product.hubspot.uninstall("token")
    state = InstallState(Kind.OWN, "nonce", 0, "browser", "https://redirect.example/callback")

    assert called == ["https://api.example/appinstalls/2026-03/external-install"]
    assert product.hubspot.authorization_url(state, "signed").startswith("https://app.example/oauth/authorize?")
    assert "frame-ancestors https://app.example " in product.pages.headers(framed=True)["content-security-policy"]
    assert "img-src https://logo.example" in product.pages.headers(framed=False)["content-security-policy"]
