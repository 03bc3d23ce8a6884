"""The simulator as a Flask application, and the HTTP server around it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask, Response, request

from simulator.answers import Answer, error_body
from simulator.configuration import SimulatorSettings
from simulator.connections import Server
from simulator.consent import pages
from simulator.control import control
from simulator.endpoints import api
from simulator.fault_delivery import rendered
from simulator.journal import Entry
from simulator.marketplace import marketplace
from simulator.simulator import Simulator

HOST = "127.0.0.1"
BACKLOG = 512
POLL_SECONDS = 0.05
NOT_FOUND = 404
# No form-action: browsers apply it to the redirect after a form too, and that leads to the app's own host.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src http: https:; base-uri 'none'; "
    "frame-ancestors 'self'"
)


@dataclass(frozen=True, slots=True)
class Running:
    """A simulator that listens at `url`."""

    url: str
    port: int
    simulator: Simulator


@contextmanager
def serve(
    settings: SimulatorSettings | None = None, port: int = 0, *, simulator: Simulator | None = None
) -> Iterator[Running]:
    """Listen on this machine while the context lasts. Port 0 takes a free port; a busy port raises OSError."""
    simulator = simulator or Simulator(settings)
    with socket.create_server((HOST, port), backlog=BACKLOG) as listener:
        server = Server(listener, create_app(simulator))
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), name="hubspot-simulator", daemon=True)
    thread.start()
    try:
        yield Running(f"http://localhost:{server.port}", server.port, simulator)
    finally:
        simulator.faults.clear()  # ends the calls that a fault holds
        server.shutdown()
        thread.join()
        server.close_connections()


def create_app(simulator: Simulator) -> Flask:
    """Build the application; an unexpected exception is not turned into a 500."""
    app = Flask(__name__, static_url_path="/_sim/static")
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.json.sort_keys = False  # type: ignore[attr-defined]
    for routes in (api(simulator), pages(simulator), marketplace(simulator), control(simulator)):
        app.register_blueprint(routes)
    app.after_request(_guard_page)

    @app.errorhandler(NOT_FOUND)
    def not_found(_: Exception) -> Response:
        simulator.journal.note(Entry("unknown", request.method, request.path), NOT_FOUND, "not_found")
        return rendered(Answer(NOT_FOUND, error_body("No route found", "OBJECT_NOT_FOUND")))

    return app


def _guard_page(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        response.headers.setdefault("Cache-Control", "no-store")
    return response
