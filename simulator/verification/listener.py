"""Prints an authorization URL and listens on the redirect URL until the person's browser comes back."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from time import monotonic
from urllib.parse import parse_qs, urlsplit

from simulator.verification.client import Person
from simulator.verification.findings import NotTested

PATIENCE_SECONDS = 300.0
POLL_SECONDS = 0.5
_PAGE = b"<!doctype html><html lang=en><title>Done</title><p>Thank you. You can close this page.</p></html>"


class _Callback(BaseHTTPRequestHandler):
    """Accepts the request that carries the state we sent; any other gets a 404."""

    server: "_Listener"
    timeout = 5

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        is_ours = parts.path == self.server.path and parse_qs(parts.query).get("state") == [self.server.state]
        body = _PAGE if is_ours else b""
        self.send_response(200 if is_ours else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)
        if is_ours:
            self.server.arrived = self.path

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Log nothing: the request line carries the code."""


class _Listener(HTTPServer):
    def __init__(self, port: int, path: str, state: str) -> None:
        super().__init__(("127.0.0.1", port), _Callback)
        self.path, self.state, self.arrived = path, state, ""
        self.timeout = POLL_SECONDS


def listening_person(redirect_uri: str, out: Callable[[str], None], patience: float = PATIENCE_SECONDS) -> Person:
    """Return a function that asks the person who reads what `out` prints. `patience` is in seconds.

    Raises:
        NotTested: From the returned function, if the redirect URL is not on this machine or no browser comes back.
    """

    def ask(what: str, authorization_url: str) -> str:
        state = parse_qs(urlsplit(authorization_url).query)["state"][0]
        with _listener(redirect_uri, state) as listener:
            out(f"\n{what}:\n  {authorization_url}\n")
            deadline = monotonic() + patience
            while not listener.arrived and monotonic() < deadline:
                listener.handle_request()
        if not listener.arrived:
            raise NotTested("no browser came back from the consent page")
        return listener.arrived

    return ask


def _listener(redirect_uri: str, state: str) -> _Listener:
    parts = urlsplit(redirect_uri)
    if (parts.scheme, parts.hostname) != ("http", "localhost"):
        raise NotTested("the redirect URL is not on this machine, so no code can be received")
    port = parts.port or 80
    try:
        return _Listener(port, parts.path, state)
    except OSError as error:
        raise NotTested(f"port {port} is in use: stop what listens there") from error
