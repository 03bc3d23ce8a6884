"""The response, or the broken connection, that a fault puts in place of the real answer."""

import json
import socket
from collections.abc import Callable, Iterator

from flask import Response, request

from simulator.answers import Answer, OAuthError
from simulator.connections import reset_on_close
from simulator.faults import Fault

LARGE_BYTES = 5_000_000
HANG_SECONDS = 60.0
DRIP_SECONDS = 0.5

_HTML = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr>cloudflare</body></html>"
_RATE_LIMIT = '{"status": "error", "message": "You have reached your limit.", "errorType": "RATE_LIMIT"}'
# What HubSpot sends with a status unless the fault says otherwise: content type, body, headers.
_USUAL: dict[int, tuple[str, str, dict[str, str]]] = {
    423: ("application/json", '{"status": "error", "message": "Locked"}', {"Retry-After": "2"}),
    429: ("application/json", _RATE_LIMIT, {"Retry-After": "1"}),
    477: ("application/json", '{"status": "error", "message": "Migration in progress"}', {"Retry-After": "3600"}),
    502: ("text/html", _HTML.format("502 Bad Gateway"), {}),
    503: ("text/html", _HTML.format("503 Service Unavailable"), {}),
}


def rendered(answer: Answer) -> Response:
    body = b"" if answer.body is None else json.dumps(answer.body).encode()
    response = Response(body, answer.status, content_type="application/json;charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response


def distorted(fault: Fault, answer: Answer | None) -> Response:
    """The response with the fault; `answer` is None when the work was not done."""
    return _DELIVERIES[fault.kind](fault, answer or Answer(200, {}))


def _status(fault: Fault, _: Answer) -> Response:
    status = fault.details["status"]
    content_type, body, headers = _USUAL.get(status, ("application/json", '{"status": "error"}', {}))
    response = Response(fault.details.get("body", body), status)
    response.headers.update(headers | fault.details.get("headers", {}))
    response.content_type = fault.details.get("content_type", content_type)
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
