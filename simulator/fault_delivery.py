"""The response, or the broken connection, that a fault puts in place of the real answer."""

import json
import socket
from collections.abc import Callable, Iterator
from uuid import uuid4

from flask import Response, request

from simulator.answers import Answer, OAuthError, error_body
from simulator.connections import reset_on_close
from simulator.faults import Fault

LARGE_BYTES = 5_000_000
HANG_SECONDS = 60.0
DRIP_SECONDS = 0.5

_HTML = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr>cloudflare</body></html>"

_LIMIT = {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
# What HubSpot sends with a status unless the fault says otherwise.
_ERRORS = {
    423: error_body("Locked", "LOCKED"),
    429: error_body("You have reached your ten secondly limit.", "RATE_LIMITS", **_LIMIT),
    477: error_body("Migration in progress", "MIGRATION_IN_PROGRESS"),
}
_PAGES = {502: "502 Bad Gateway", 503: "503 Service Unavailable"}
_RETRY_AFTER = {423: "2", 429: "1", 477: "3600"}


def rendered(answer: Answer) -> Response:
    body = answer.body
    if body is not None and answer.status >= 400:  # noqa: PLR2004
        body = {**body, "correlationId": str(uuid4())}
    data = b"" if body is None else json.dumps(body).encode()
    response = Response(data, answer.status, content_type="application/json;charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response


def distorted(fault: Fault, answer: Answer | None) -> Response:
    """The response with the fault; `answer` is None when the work was not done."""
    return _DELIVERIES[fault.kind](fault, answer or Answer(200, {}))


def _status(fault: Fault, _: Answer) -> Response:
    status = fault.details["status"]
    if status in _PAGES:
        response = Response(_HTML.format(_PAGES[status]), status, content_type="text/html")
    else:
        response = rendered(Answer(status, _ERRORS.get(status, error_body("A fault on demand", "FAULT_ON_DEMAND"))))
    if "body" in fault.details:
        body = fault.details["body"]
        response.set_data(body if isinstance(body, str) else json.dumps(body))
    if status in _RETRY_AFTER:
        response.headers["Retry-After"] = _RETRY_AFTER[status]
    response.headers.update(fault.details.get("headers", {}))
    response.content_type = fault.details.get("content_type", response.content_type)
    return response


def _error(fault: Fault, _: Answer) -> Response:
    return rendered(OAuthError(fault.details["error"]).answer)


def _reset(_: Fault, __: Answer) -> Response:
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        reset_on_close(connection)
    raise ConnectionResetError


def _hang(fault: Fault, answer: Answer) -> Response:
    fault.cleared.wait(fault.details.get("seconds", HANG_SECONDS))
    return _reset(fault, answer)


def _slow(fault: Fault, answer: Answer) -> Response:
    fault.cleared.wait(fault.details.get("seconds", 1))
    return rendered(answer)


def _truncated(_: Fault, answer: Answer) -> Response:
    whole = rendered(answer)
    data = whole.get_data()
    whole.set_data(data[: len(data) // 2])
    return whole


def _without(fault: Fault, answer: Answer) -> Response:
    body = {name: value for name, value in (answer.body or {}).items() if name not in fault.details.get("fields", ())}
    return rendered(Answer(answer.status, body))


def _with(fault: Fault, answer: Answer) -> Response:
    return rendered(Answer(answer.status, dict(answer.body or {}) | fault.details.get("fields", {})))


def _large(fault: Fault, answer: Answer) -> Response:
    padding = "x" * fault.details.get("bytes", LARGE_BYTES)
    return rendered(Answer(answer.status, {"padding": padding} | dict(answer.body or {})))


def _drip(fault: Fault, answer: Answer) -> Response:
    response = rendered(answer)
    data, pause = response.get_data(), fault.details.get("seconds", DRIP_SECONDS)

    def drops() -> Iterator[bytes]:
        for position in range(len(data)):
            yield data[position : position + 1]
            fault.cleared.wait(pause)

    dripping = Response(drops(), answer.status, content_type=response.content_type)
    dripping.headers["Content-Length"] = str(len(data))
    return dripping


_DELIVERIES: dict[str, Callable[[Fault, Answer], Response]] = {
    "status": _status,
    "error": _error,
    "reset": _reset,
    "hang": _hang,
    "slow": _slow,
    "truncated": _truncated,
    "without": _without,
    "with": _with,
    "large": _large,
    "drip": _drip,
}
