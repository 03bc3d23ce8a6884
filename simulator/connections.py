"""HTTP/1.1 connections: kept alive between calls, reset where a fault asks for it, ended when the server stops."""

import socket
import struct
from collections.abc import Callable
from contextlib import closing, suppress
from io import BytesIO

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wsgi import ClosingIterator, get_input_stream

IDLE_SECONDS = 75
RESET = (1, 0)  # SO_LINGER on, zero seconds: closing the socket sends a TCP reset


class Connection(WSGIRequestHandler):
    """Keeps the connection open between calls, so that a timed test measures the simulator's work.

    Werkzeug's own handler waits after every answer and then closes the connection.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one packet: a second one would wait for a delayed ACK
    timeout = IDLE_SECONDS

    def run_wsgi(self) -> None:
        self.environ = environ = self.make_environ()
        self.wfile.flush()  # a 100 Continue may be waiting
        # Read the whole body: bytes left unread would be parsed as the next request.
        environ["wsgi.input"] = BytesIO(get_input_stream(environ).read())

        def start_response(status: str, headers: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
            self._send_head(status, headers)
            return self.wfile.write

        with closing(ClosingIterator(self.server.app(environ, start_response))) as chunks:
            for chunk in chunks:
                self.wfile.write(chunk)
                self.wfile.flush()

    def _send_head(self, status: str, headers: list[tuple[str, str]]) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        if code != "204" and not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Connection", "close")
        self.end_headers()

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - Werkzeug's name
        """Log nothing: request lines carry codes."""


class Server(ThreadedWSGIServer):
    """Keeps a list of open connections, so that stopping the server ends them."""

    def __init__(self, listener: socket.socket, app: Flask) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(listener.getsockname()[0], 0, app, Connection, fd=listener.fileno())

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        """Close a connection at once after `reset_on_close`, because an orderly end would come before the reset."""
        self._connections.discard(request)
        linger = request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
        if struct.unpack("ii", linger) == RESET:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def close_connections(self) -> None:
        """End the connections that clients keep open."""
        for connection in list(self._connections):
            with suppress(OSError):  # its own thread may have closed it already
                connection.shutdown(socket.SHUT_RDWR)


def reset_on_close(connection: socket.socket) -> None:
    """Make the connection end in a TCP reset instead of an orderly end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", *RESET))
