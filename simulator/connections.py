"""HTTP/1.1 connections: kept alive between calls, reset where a fault asks for it, ended when the server stops."""

import socket
import struct
from collections.abc import Callable
from contextlib import closing
from io import BytesIO

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wsgi import ClosingIterator, get_input_stream

IDLE_SECONDS = 75


class Connection(WSGIRequestHandler):
    """Werkzeug's own handler closes after every answer and lingers on the socket; this one does neither."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together: no second packet waits for a delayed ACK
    timeout = IDLE_SECONDS

    def run_wsgi(self) -> None:
        """Read the whole request, run the application, write the answer."""
        self.environ = environ = self.make_environ()
        self.wfile.flush()  # a 100 Continue may be waiting
        # Read now: what an endpoint leaves unread would be taken for the next request.
        environ["wsgi.input"] = BytesIO(get_input_stream(environ).read())

        def start_response(status: str, headers: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
            self._begin(status, headers)
            return self.wfile.write

        with closing(ClosingIterator(self.server.app(environ, start_response))) as chunks:
            for chunk in chunks:
                self.wfile.write(chunk)
                self.wfile.flush()

    def _begin(self, status: str, headers: list[tuple[str, str]]) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        if code != "204" and not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Connection", "close")
        self.end_headers()

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - Werkzeug's name
        """Say nothing: request lines carry codes."""


class Server(ThreadedWSGIServer):
    """Knows its open connections, so that stopping ends them, and resets those that are meant to be reset."""

    def __init__(self, listener: socket.socket, app: Flask) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(listener.getsockname()[0], 0, app, Connection, fd=listener.fileno())

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept a connection and remember it."""
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        """Close in order, unless the connection is to be reset: an orderly end would come first."""
        self._connections.discard(request)
        linger = request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
        if struct.unpack("ii", linger) == (1, 0):
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def close_connections(self) -> None:
        """End the connections that clients still keep open."""
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # its own thread was faster
                continue
