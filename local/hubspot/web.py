"""The whole simulator as one WSGI application."""

from flask import Flask, Response, jsonify, request

from local.hubspot.api import api
from local.hubspot.control import control
from local.hubspot.journal import Entry
from local.hubspot.marketplace import marketplace
from local.hubspot.pages import pages
from local.hubspot.simulator import Simulator

NOT_FOUND = 404
# No form-action: the browser applies it to the redirects after a form, and those lead to the app's own hosts.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src http: https:; base-uri 'none'; "
    "frame-ancestors 'self'"
)


def create_app(simulator: Simulator) -> Flask:
    """A Flask application around a simulator; its errors are not hidden."""
    app = Flask(__name__, static_url_path="/_sim/static")
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.json.sort_keys = False  # type: ignore[attr-defined]
    for routes in (api(simulator), pages(simulator), marketplace(simulator), control(simulator)):
        app.register_blueprint(routes)

    @app.after_request
    def guard_pages(response: Response) -> Response:
        if response.mimetype == "text/html":
            response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
            response.headers.setdefault("Referrer-Policy", "no-referrer")
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    @app.errorhandler(NOT_FOUND)
    def not_found(_: Exception) -> tuple[Response, int]:
        simulator.journal.note(Entry("unknown", request.method, request.path), NOT_FOUND, "not_found")
        return jsonify(status="error", message="No route found"), NOT_FOUND

    return app
