"""The twin's events and responses against API Gateway's payload format 2.0."""

import base64
import re
from typing import Any

import pytest

from local.events import Caller, Request, event_of, response_of
from local.routes import Route, Routes
from tests.support.gateway_stand_in import ROUTES

routes = Routes(Route(key, iam=False, function_arn=name, timeout=1) for key, name in ROUTES)
CALLER = Caller("AKIDEXAMPLE", "000000000000", "arn:aws:iam::000000000000:user/someone", "AIDAEXAMPLE")


def event(request: Request, caller: Caller | None = None) -> dict[str, Any]:
    match = routes.match(request.method, request.path)
    assert match
    return event_of(request, match, "api123", "000000000000", caller)


def get(target: str, *headers: tuple[str, str]) -> dict[str, Any]:
    return event(Request("GET", target, [("host", "localhost:3000"), *headers]))


def post(content_type: str | None, body: bytes) -> dict[str, Any]:
    headers = [("content-type", content_type)] if content_type else []
    return event(Request("POST", "/plain", [("host", "localhost:3000"), *headers], body))


def test_a_plain_request_has_these_members_and_no_others() -> None:
    made = get("/plain", ("user-agent", "curl/8"))

    context = made["requestContext"]
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", context.pop("time"))
    assert context.pop("timeEpoch") > 1_700_000_000_000
    assert context.pop("requestId")
    assert made == {
        "version": "2.0",
        "routeKey": "GET /plain",
        "rawPath": "/plain",
        "rawQueryString": "",
        "headers": {
            "host": "localhost:3000",
            "user-agent": "curl/8",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "3000",
            "x-forwarded-proto": "http",
        },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "api123",
            "domainName": "localhost",
            "domainPrefix": "localhost",
            "http": {
                "method": "GET",
                "path": "/plain",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "curl/8",
            },
            "routeKey": "GET /plain",
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize(
    ("target", "parameters"),
    [
        ("/accounts/123", {"hub_id": "123"}),
        ("/accounts/12%33", {"hub_id": "123"}),
        ("/accounts/a%20b+c", {"hub_id": "a b+c"}),
        ("/accounts/mine", None),
        ("/rest/a/b%20c", {"all": "a/b c"}),
    ],
)
def test_path_parameters_are_decoded_and_absent_without_any(target: str, parameters: object) -> None:
    made = get(target)

    assert made.get("pathParameters") == parameters
    assert ("pathParameters" in made) == (parameters is not None)


def test_the_path_is_decoded_and_the_query_is_as_it_was_sent() -> None:
    made = get("/accounts/a%20b?b=%7e&a=1+2&a=%33&flag&empty=&&x=?")

    assert made["rawPath"] == made["requestContext"]["http"]["path"] == "/accounts/a b"
    assert made["rawQueryString"] == "b=%7e&a=1+2&a=%33&flag&empty=&&x=?"
    assert made["queryStringParameters"] == {"b": "~", "a": "1 2,3", "flag": "", "empty": "", "x": "?"}


@pytest.mark.parametrize(
    ("header", "cookies"),
    [("a=1", ["a=1"]), ("a=1; b=2;c", ["a=1", "b=2", "c"]), ("a=b=c; ", ["a=b=c"]), (" ", None)],
)
def test_cookies_are_a_list_beside_the_headers(header: str, cookies: object) -> None:
    made = get("/plain", ("cookie", header))

    assert made.get("cookies") == cookies
    assert "cookie" not in made["headers"]


def test_a_signed_call_names_its_caller() -> None:
    made = event(Request("GET", "/plain", [("host", "localhost")]), CALLER)

    assert made["requestContext"]["authorizer"]["iam"] == {
        "accessKey": "AKIDEXAMPLE",
        "accountId": "000000000000",
        "callerId": "AIDAEXAMPLE",
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": "arn:aws:iam::000000000000:user/someone",
        "userId": "AIDAEXAMPLE",
    }


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", "text/plain", "application/javascript"]
)
def test_a_body_of_text_comes_as_it_is(content_type: str) -> None:
    made = post(content_type, '{"a": "é"}'.encode())

    assert (made["body"], made["isBase64Encoded"]) == ('{"a": "é"}', False)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/octet-stream", b"text all the same"),
        ("application/x-www-form-urlencoded", b"a=1"),
        ("application/problem+json", b"{}"),
        ("application/jsonlines", b"{}"),
        ("multipart/form-data; boundary=x", b"--x--"),
        (None, b"{}"),
        ("text/plain", b"\xff\xfe"),
    ],
)
def test_any_other_body_comes_as_base64(content_type: str | None, body: bytes) -> None:
    made = post(content_type, body)

    assert (base64.b64decode(made["body"]), made["isBase64Encoded"]) == (body, True)


@pytest.mark.parametrize("result", [{"hello": "world"}, [1, 2], "text", None, 5])
def test_a_result_without_a_status_is_the_body_of_a_200(result: object) -> None:
    response = response_of(result)

    assert response.status == 200
    assert response.headers == [("content-type", "application/json")]


def test_a_response_is_sent_as_the_function_returned_it() -> None:
    headers = {"X-Flag": True, "X-Number": 5, "Cache-Control": "no-store"}

    response = response_of({"statusCode": "201", "headers": headers, "body": "é"})

    assert (response.status, response.body) == (201, "é".encode())
    assert [*response.headers] == [
        ("x-flag", "true"),
        ("x-number", "5"),
        ("cache-control", "no-store"),
        ("content-type", "text/plain;charset=utf-8"),
    ]


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "later"},
        {"statusCode": None},
        {"statusCode": 99},
        {"statusCode": 100},
        {"statusCode": 600},
        {"statusCode": 200, "body": {"an": "object"}},
        {"statusCode": 200, "body": "not base64!", "isBase64Encoded": True},
        {"statusCode": 200, "headers": ["a list"]},
        {"statusCode": 200, "headers": {"x": ["a list"]}},
        {"statusCode": 200, "headers": {"x": "line\r\nx-slipped: in"}},
        {"statusCode": 200, "headers": {"not a name": "x"}},
        {"statusCode": 200, "headers": {"x": "\u20ac"}},
        {"statusCode": 200, "cookies": ["a=1\r\nx-slipped: in"]},
    ],
)
def test_a_result_that_cannot_be_sent_is_500(result: object) -> None:
    response = response_of(result)

    assert (response.status, response.body) == (500, b'{"message": "Internal Server Error"}')


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [
        ("GET", "/a", "GET /a"),
        ("PUT", "/a", "ANY /a"),
        ("GET", "/b", "GET /{one}"),
        ("PUT", "/b", "ANY /{all+}"),
        ("GET", "/a/b", "ANY /{all+}"),
    ],
)
def test_the_most_specific_route_is_taken(method: str, path: str, key: str) -> None:
    keys = ["ANY /{all+}", "GET /{one}", "ANY /a", "GET /a"]
    mixed = Routes(Route(key, iam=False, function_arn="", timeout=1) for key in keys)

    match = mixed.match(method, path)

    assert match
    assert match.route.key == key
