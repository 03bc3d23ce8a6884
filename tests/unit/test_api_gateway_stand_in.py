"""The twin's API Gateway over HTTP: what it answers itself, and how it passes on what a function returned."""

import base64
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest

from local.events import Caller
from local.gateway import MOST_BODY_BYTES
from tests.support.gateway_stand_in import PATIENCE_SECONDS, StandIn, ask, running_stand_in

SERVER_ERROR = (500, b'{"message": "Internal Server Error"}')
FORBIDDEN = (403, b'{"message": "Forbidden"}')


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    state = tmp_path_factory.mktemp("state")
    (state / "credentials.json").write_text("{}")
    with running_stand_in(state) as running:
        yield running


@pytest.fixture
def gateway(shared: StandIn) -> StandIn:
    shared.function = lambda _: {"statusCode": 200, "body": "done"}
    shared.events.clear()
    shared.caller = None
    return shared


def fail(event: dict[str, Any]) -> Any:
    raise RuntimeError("the exception's own text")


def linger(event: dict[str, Any]) -> Any:
    time.sleep(PATIENCE_SECONDS + 0.3)


def returning(gateway: StandIn, result: Any) -> None:
    gateway.function = lambda _: result


def test_a_function_that_raises_is_a_plain_500(gateway: StandIn) -> None:
    gateway.function = fail

    answer = gateway.ask("GET", "/plain")

    assert (answer.status, answer.body) == SERVER_ERROR
    assert answer.all("content-type") == ["application/json"]
    assert not any("exception" in value for _, value in answer.headers)


def test_a_function_that_takes_longer_than_its_route_allows_is_503(gateway: StandIn) -> None:
    gateway.function = linger

    answer = gateway.ask("GET", "/plain")

    assert (answer.status, answer.body) == (503, b'{"message": "Service Unavailable"}')


def test_a_function_that_is_not_there_is_503(gateway: StandIn) -> None:
    answer = gateway.ask("GET", "/not-there")

    assert (answer.status, answer.body) == (503, b'{"message": "Service Unavailable"}')


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/elsewhere"),
        ("GET", "/plain/"),
        ("GET", "/Plain"),
        ("DELETE", "/plain"),
        ("get", "/plain"),
        ("GET", "/accounts/"),
        ("GET", "/accounts/1/2"),
        ("GET", "/accounts/1%2F2"),
        ("GET", "plain"),
    ],
)
def test_a_request_without_a_route_is_404(gateway: StandIn, method: str, target: str) -> None:
    answer = gateway.ask(method, target)

    assert (answer.status, answer.body) == (404, b'{"message": "Not Found"}')
    assert gateway.events == []


@pytest.mark.parametrize("headers", [[], [("authorization", "AWS4-HMAC-SHA256 Credential=x")], [("cookie", "a=b")]])
def test_an_unsigned_call_of_an_iam_route_is_403(gateway: StandIn, headers: Sequence[tuple[str, str]]) -> None:
    answer = gateway.ask("GET", "/guarded", headers)

    assert (answer.status, answer.body) == FORBIDDEN
    assert gateway.events == []


def test_an_admitted_caller_reaches_the_function(gateway: StandIn) -> None:
    gateway.caller = Caller("AKIDEXAMPLE", "000000000000", "arn:aws:iam::000000000000:user/someone", "AIDAEXAMPLE")

    assert gateway.ask("GET", "/guarded").status == 200
    assert gateway.event["requestContext"]["authorizer"]["iam"]["accessKey"] == "AKIDEXAMPLE"


def test_an_open_route_names_no_caller(gateway: StandIn) -> None:
    gateway.ask("GET", "/plain", [("authorization", "Bearer x")])

    assert "authorizer" not in gateway.event["requestContext"]


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example:3000", "evil.example:localhost", "", "[::1]:3000", "10.0.0.1"]
)
@pytest.mark.parametrize("target", ["/plain", "/own"])
def test_a_foreign_host_is_403_even_for_the_twins_own_page(gateway: StandIn, host: str, target: str) -> None:
    answer = gateway.ask("GET", target, [("host", host)])

    assert (answer.status, answer.body) == FORBIDDEN
    assert gateway.events == []


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:3000", "127.0.0.1:3000"])
def test_this_machine_by_any_of_its_names_is_served(gateway: StandIn, host: str) -> None:
    assert gateway.ask("GET", "/plain", [("host", host)]).status == 200
    assert gateway.ask("GET", "/own", [("host", host)]).body == b"the twin's own"


@pytest.mark.parametrize(
    "headers",
    [
        [("transfer-encoding", "chunked")],
        [("content-length", "-1")],
        [("content-length", "ten")],
        [("content-length", "")],
    ],
)
def test_a_body_of_unknown_length_is_411(gateway: StandIn, headers: Sequence[tuple[str, str]]) -> None:
    answer = gateway.ask("POST", "/plain", headers)

    assert (answer.status, answer.body) == (411, b'{"message": "Length Required"}')
    assert answer.all("connection") == ["close"]


def test_a_body_over_ten_megabytes_is_413(gateway: StandIn) -> None:
    answer = gateway.ask("POST", "/plain", [("content-length", str(MOST_BODY_BYTES + 1))])

    assert (answer.status, answer.body) == (413, b'{"message": "Request Entity Too Large"}')
    assert answer.all("connection") == ["close"]
    assert MOST_BODY_BYTES == 10_485_760


def test_a_binary_body_goes_in_and_comes_out_unharmed(gateway: StandIn) -> None:
    sent = bytes(range(256))
    gateway.function = lambda event: {"statusCode": 200, "body": event["body"], "isBase64Encoded": True}

    answer = gateway.ask("POST", "/plain", [("content-type", "application/octet-stream")], sent)

    assert gateway.event["isBase64Encoded"] is True
    assert base64.b64decode(gateway.event["body"]) == sent
    assert answer.body == sent


def test_several_cookies_go_out_as_a_header_each(gateway: StandIn) -> None:
    cookies = ["a=1; Secure; HttpOnly", "b=2; Expires=Thu, 01 Jan 2026 00:00:00 GMT"]
    returning(gateway, {"statusCode": 302, "headers": {"Location": "/next"}, "cookies": cookies})

    answer = gateway.ask("GET", "/plain")

    assert answer.status == 302
    assert answer.all("location") == ["/next"]
    assert answer.all("set-cookie") == cookies


def test_several_cookie_headers_come_in_as_one_list(gateway: StandIn) -> None:
    gateway.ask("GET", "/plain", [("Cookie", "a=1; b=2"), ("Cookie", "c=3")])

    assert gateway.event["cookies"] == ["a=1", "b=2", "c=3"]
    assert "cookie" not in gateway.event["headers"]


def test_repeated_headers_come_in_by_one_lower_case_name(gateway: StandIn) -> None:
    gateway.ask("GET", "/plain", [("X-Note", "one"), ("x-note", "two"), ("X-OTHER", "three, four")])

    assert gateway.event["headers"]["x-note"] == "one,two"
    assert gateway.event["headers"]["x-other"] == "three, four"
    assert all(name == name.lower() for name in gateway.event["headers"])


def test_head_has_the_headers_and_no_body(gateway: StandIn) -> None:
    answer = gateway.bytes_of("HEAD", "/any")

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\ncontent-length: 4\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


def test_head_does_not_take_a_get_route(gateway: StandIn) -> None:
    assert gateway.ask("HEAD", "/plain").status == 404


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_that_has_no_body_is_sent_without_one(gateway: StandIn, status: int) -> None:
    returning(gateway, {"statusCode": status, "body": "a body all the same"})

    answer = gateway.bytes_of("GET", "/plain")

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"content-length" not in answer
    assert answer.endswith(b"\r\n\r\n")


def test_a_connection_outlives_every_answer_that_read_the_whole_request(gateway: StandIn) -> None:
    with closing(gateway.connect()) as connection:
        statuses = [ask(connection, "POST", "/elsewhere", body=b"unread").status]
        socket = connection.sock
        statuses.append(ask(connection, "GET", "/guarded").status)
        statuses.append(ask(connection, "GET", "/not-there").status)
        gateway.function = fail
        statuses.append(ask(connection, "POST", "/plain", body=b"GET / HTTP/1.1\r\n\r\n").status)
        returning(gateway, {"statusCode": 200})
        statuses.append(ask(connection, "GET", "/plain").status)

        assert statuses == [404, 403, 503, 500, 200]
        assert connection.sock is socket


def test_the_unread_body_of_a_refused_request_is_not_a_second_request(gateway: StandIn) -> None:
    with closing(gateway.connect()) as connection:
        ask(connection, "POST", "/plain", [("host", "evil.example")], b"GET /plain HTTP/1.1\r\nhost: localhost\r\n\r\n")

        assert connection.sock is None
    assert gateway.events == []
