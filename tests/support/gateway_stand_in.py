"""The twin's API Gateway over HTTP, in front of a Lambda that is one HTTP server and calls the test's function."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from local.callers import Gatekeeper
from local.emulator import Emulator
from local.events import Caller, Request, Response
from local.gateway import Api, serve
from local.invoke import Invoker
from local.routes import Route, Routes
from tests.support.free_ports import free_port

ROUTES = [
    ("GET /plain", "function"),
    ("POST /plain", "function"),
    ("ANY /any", "function"),
    ("GET /accounts/{hub_id}", "function"),
    ("GET /accounts/mine", "function"),
    ("GET /rest/{all+}", "function"),
    ("GET /guarded", "function"),
    ("GET /not-there", "another"),
]
PATIENCE_SECONDS = 0.5
API_ID = "api123"


@dataclass
class StandIn:
    """A running API Gateway.

    Attributes:
        function: Answers each event.
        events: What the function was given.
        caller: Passes the IAM route when it is set.
    """

    port: int
    function: Callable[[dict[str, Any]], Any] = lambda _: {"statusCode": 200}
    events: list[dict[str, Any]] = field(default_factory=list)
    caller: Caller | None = None

    @property
    def event(self) -> dict[str, Any]:
        return self.events[-1]

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=10)

    def ask(self, method: str, target: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b"") -> "Answer":
        with closing(self.connect()) as connection:
            return ask(connection, method, target, headers, body)

    def bytes_of(self, method: str, target: str) -> bytes:
        """Everything that comes back, to the last byte: an HTTP client would drop a body that must not be there."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(f"{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
            return b"".join(iter(lambda: connection.recv(65536), b""))


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for other, value in self.headers if other == name]


def ask(
    connection: HTTPConnection, method: str, target: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b""
) -> Answer:
    """Send the request as it stands: a host header and a length are added unless it has them."""
    names = {name.lower() for name, _ in headers}
    connection.putrequest(method, target, skip_host="host" in names, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value)
    if not names & {"content-length", "transfer-encoding"} and body:
        connection.putheader("content-length", str(len(body)))
    connection.endheaders(body or None)
    response = connection.getresponse()
    return Answer(response.status, [(name.lower(), value) for name, value in response.getheaders()], response.read())


@contextmanager
def running_stand_in(state: Path) -> Iterator[StandIn]:
    running = StandIn(free_port())
    with _lambda(running) as lambda_port:
        emulator = Emulator(lambda_port)
        routes = Routes(Route(key, "guarded" in key, name, PATIENCE_SECONDS) for key, name in ROUTES)
        api = Api(API_ID, routes, _Gatekeeper(running, emulator, state), Invoker(emulator))
        with serve(running.port, _own, api):
            yield running


def _own(request: Request) -> Response | None:
    return Response(200, [], b"the twin's own") if request.path == "/own" else None


class _Gatekeeper(Gatekeeper):
    def __init__(self, running: StandIn, emulator: Emulator, state: Path) -> None:
        super().__init__(emulator, API_ID, state)
        self._running = running

    def admit(self, request: Request) -> Caller | None:
        return self._running.caller or super().admit(request)


@contextmanager
def _lambda(running: StandIn) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if unquote(self.path) != "/2015-03-31/functions/function/invocations":
                self._send(404, {"Message": "Function not found"})
                return
            running.events.append(event)
            try:
                self._send(200, running.function(event))
            except RuntimeError as error:
                self._send(200, {"errorMessage": str(error)}, ("x-amz-function-error", "Unhandled"))

        def _send(self, status: int, result: Any, *headers: tuple[str, str]) -> None:
            content = json.dumps(result).encode()
            self.send_response(status)
            for name, value in [*headers, ("content-length", str(len(content)))]:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
