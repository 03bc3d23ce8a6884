"""Turns HTTP requests into API Gateway's payload 2.0 events, and functions' results into HTTP responses."""

import base64
import binascii
import json
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from local.routes import STAGE, Match

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [ -~\t\x80-\xff]*")
#: HTTP APIs pass these and text/* as text, and any other body as base64, forms too. AWS does not document the list;
#: https://github.com/ministackorg/ministack/pull/766 measured it on AWS.
_TEXT_TYPES = {"application/json", "application/xml", "application/javascript"}


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as it arrived. Header names are lower-case; a repeated header has several entries."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    source_ip: str = "127.0.0.1"
    protocol: str = "HTTP/1.1"

    @property
    def raw_path(self) -> str:
        """The path as it was sent."""
        return self.target.partition("?")[0]

    @property
    def path(self) -> str:
        """The decoded path, which routes, IAM policies and functions see. HTTP APIs cut it off at a decoded “?”."""
        return unquote(self.raw_path).partition("?")[0]

    @property
    def query(self) -> str:
        """The query string as it was sent."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """The value of a header; those of a repeated header are joined by commas."""
        values = [value for other, value in self.headers if other == name]
        return ",".join(values) if values else None


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Sequence[tuple[str, str]] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Caller:
    """The IAM user or role that signed a request."""

    access_key_id: str
    account_id: str
    arn: str
    user_id: str


def message(status: int, text: str) -> Response:
    """A response that API Gateway gives without asking a function."""
    return Response(status, [("content-type", "application/json")], json.dumps({"message": text}).encode())


def event_of(request: Request, match: Match, api_id: str, account_id: str, caller: Caller | None) -> dict[str, Any]:
    """The event of a request. Members that would be empty are left out, as on AWS."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": match.route.key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": _headers(request),
        "requestContext": {"accountId": account_id, "apiId": api_id, **_context(request, match.route.key)},
        "isBase64Encoded": False,
    }
    if cookies := _cookies(request):
        event["cookies"] = cookies
    if query := _joined(parse_qsl(request.query, keep_blank_values=True)):
        event["queryStringParameters"] = query
    if match.path_parameters:
        event["pathParameters"] = dict(match.path_parameters)
    if caller:
        event["requestContext"]["authorizer"] = {"iam": _iam(caller)}
    if request.body:
        event |= _body(request)
    return event


def host_of(header: str) -> str:
    """The name in a Host header, without its port."""
    return header.lower().rpartition(":")[0] or header.lower()


def response_of(result: Any) -> Response:  # noqa: ANN401 - whatever a function returned
    """The response for a function's result: 500 if it cannot be sent, as on AWS."""
    if not isinstance(result, dict) or "statusCode" not in result:
        return Response(200, [("content-type", "application/json")], json.dumps(result).encode())
    try:
        headers = [(str(name).lower(), _text(value)) for name, value in (result.get("headers") or {}).items()]
        headers += [("set-cookie", str(cookie)) for cookie in result.get("cookies") or []]
        body = result.get("body") or ""
        content = base64.b64decode(body, validate=True) if result.get("isBase64Encoded") else body.encode()
        status = int(result["statusCode"])
        _require_sendable(status, headers)
    except (AttributeError, TypeError, ValueError, binascii.Error):
        return message(500, "Internal Server Error")
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain;charset=utf-8"))
    return Response(status, headers, content)


def _context(request: Request, route_key: str) -> dict[str, Any]:
    now = time.time()
    host = host_of(request.header("host") or "")
    return {
        "domainName": host,
        "domainPrefix": host.partition(".")[0],
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": request.header("user-agent") or "",
        },
        "requestId": uuid.uuid4().hex[:16],
        "routeKey": route_key,
        "stage": STAGE,
        "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now * 1000),
    }


def _headers(request: Request) -> dict[str, str]:
    own = [(name, value) for name, value in request.headers if name not in {"cookie", "connection"}]
    scheme, port = "http", (request.header("host") or "").rpartition(":")[2] or "80"
    forwarded = [("x-forwarded-for", request.source_ip), ("x-forwarded-port", port), ("x-forwarded-proto", scheme)]
    return _joined([*own, *forwarded])


def _cookies(request: Request) -> list[str]:
    headers = [value for name, value in request.headers if name == "cookie"]
    return [cookie.strip() for value in headers for cookie in value.split(";") if cookie.strip()]


def _joined(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _iam(caller: Caller) -> dict[str, Any]:
    return {
        "accessKey": caller.access_key_id,
        "accountId": caller.account_id,
        "callerId": caller.user_id,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": caller.arn,
        "userId": caller.user_id,
    }


def _body(request: Request) -> Mapping[str, Any]:
    content_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if content_type.startswith("text/") or content_type in _TEXT_TYPES:
        try:
            return {"body": request.body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass  # API Gateway passes bytes that are not UTF-8 as base64
    return {"body": base64.b64encode(request.body).decode(), "isBase64Encoded": True}


def _require_sendable(status: int, headers: Sequence[tuple[str, str]]) -> None:
    if not 200 <= status <= 599:  # noqa: PLR2004 - a final status of HTTP
        raise ValueError(f"{status} cannot be sent")
    for name, value in headers:
        if not _HEADER.fullmatch(f"{name}: {value}"):
            raise ValueError(f"{name} cannot be sent")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError("a header's value is text or a number")
