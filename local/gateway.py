"""Serves the deployed HTTP API as API Gateway does: routes, IAM, events, responses and errors.

The emulator's own front answers 502 with the exception's text where AWS answers a plain 500, and leaves cookies and
path parameters out of the event.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.callers import Gatekeeper
from local.emulator import ACCOUNT_ID
from local.events import Request, Response, event_of, host_of, message, response_of
from local.invoke import FunctionFailed, Invoker, Unavailable
from local.ports import ADDRESS
from local.routes import Routes

MOST_BODY_BYTES = 10 * 1024 * 1024
_HOSTS = {"localhost", ADDRESS}
_IDLE_SECONDS = 60
#: A body after one of these would be read as the start of the next answer.
_WITHOUT_BODY = {204, 304}

Answer = Callable[[Request], Response | None]


@dataclass(frozen=True, slots=True)
class Api:
    api_id: str
    routes: Routes
    gatekeeper: Gatekeeper
    invoke: Invoker

    def answer(self, request: Request) -> Response:
        match = self.routes.match(request.method, request.path)
        if match is None:
            return message(404, "Not Found")
        caller = self.gatekeeper.admit(request) if match.route.iam else None
        if match.route.iam and caller is None:
            return message(403, "Forbidden")
        event = event_of(request, match, self.api_id, ACCOUNT_ID, caller)
        try:
            return response_of(self.invoke(match.route.function_arn, event, match.route.timeout))
        except FunctionFailed:
            return message(500, "Internal Server Error")
        except Unavailable:
            return message(503, "Service Unavailable")


@contextmanager
def serve(port: int, own: Answer, api: Api) -> Iterator[None]:
    """Serve `port` while the block lasts: `own` answers first, the API where `own` returns None."""
    server = _Server(port, own, api)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="gateway", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, port: int, own: Answer, api: Api) -> None:
        self._own = own
        self._api = api
        super().__init__((ADDRESS, port), _Handler)

    def answer(self, request: Request) -> Response:
        return self._own(request) or self._api.answer(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base class's names
        """Ignore a client that closes its connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection, kept alive between requests."""

    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "twin"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together: no second packet waits for a delayed ACK
    timeout = _IDLE_SECONDS

    def parse_request(self) -> bool:
        """Accept every method: the routes decide."""
        parsed = super().parse_request()
        if parsed:
            setattr(self, f"do_{self.command}", self._answer)
        return parsed

    def _answer(self) -> None:
        length = self.headers.get("content-length", "0")
        if "transfer-encoding" in self.headers or not length.isdecimal():
            self._send(message(411, "Length Required"), close=True)
        elif int(length) > MOST_BODY_BYTES:
            self._send(message(413, "Request Entity Too Large"), close=True)
        elif host_of(self.headers.get("host", "")) not in _HOSTS:
            # DNS rebinding: a foreign site may point its name at this machine to let its pages read ours.
            self._send(message(403, "Forbidden"), close=True)
        else:
            self._send(self.server.answer(self._request(int(length))))

    def _request(self, length: int) -> Request:
        return Request(
            method=self.command,
            target=self.path,
            headers=[(name.lower(), value) for name, value in self.headers.items()],
            body=self.rfile.read(length),
            source_ip=str(self.client_address[0]),
            protocol=self.request_version,
        )

    def _send(self, response: Response, *, close: bool = False) -> None:
        self.send_response(response.status)
        for name, value in response.headers:
            if name not in {"content-length", "connection", "transfer-encoding"}:
                self.send_header(name, value)
        has_body = response.status not in _WITHOUT_BODY
        if has_body:
            self.send_header("content-length", str(len(response.body)))
        if close:
            self.send_header("connection", "close")
        self.end_headers()
        if has_body and self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - the base class's names
        """Log nothing: request lines contain authorization codes."""
