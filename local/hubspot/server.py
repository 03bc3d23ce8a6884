"""The HTTP server, from a free port to the end of the last connection."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from werkzeug.serving import ThreadedWSGIServer

from local.hubspot.connection import Connection
from local.hubspot.settings import SimulatorSettings
from local.hubspot.simulator import Simulator
from local.hubspot.web import create_app

HOST = "127.0.0.1"
BACKLOG = 512
POLL_SECONDS = 0.05


class Server(ThreadedWSGIServer):
    """Knows its open connections, so that stopping ends them, and resets those that are meant to be reset."""

    def __init__(self, listener: socket.socket, simulator: Simulator) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(HOST, 0, create_app(simulator), Connection, fd=listener.fileno())

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


@dataclass(frozen=True, slots=True)
class Running:
    """A simulator that listens."""

    url: str
    port: int
    simulator: Simulator


@contextmanager
def serve(
    settings: SimulatorSettings | None = None, port: int = 0, *, simulator: Simulator | None = None
) -> Iterator[Running]:
    """Listen on this machine while the context lasts; port 0 takes a free one. A busy port is an OSError."""
    simulator = simulator or Simulator(settings)
    with socket.create_server((HOST, port), backlog=BACKLOG) as listener:
        server = Server(listener, simulator)
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), name="hubspot-simulator", daemon=True)
    thread.start()
    try:
        yield Running(f"http://localhost:{server.port}", server.port, simulator)
    finally:
        simulator.faults.clear()
        server.shutdown()
        thread.join()
        server.close_connections()
