"""The team whose app it is: its sign-in page, its back end that makes install links, and its own site."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

from flask import Flask, redirect, request
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from tests.support.free_ports import free_port

CUSTOMER = "customer-7"
MakeLink = Callable[..., str]
_PAGE = '<!doctype html><html lang="en"><title>{title}</title><main><h1>{title}</h1>{content}</main>'


@dataclass
class Team:
    """The team's site; `make_link` is set once the product runs, and asks it for an install link."""

    url: str
    make_link: MakeLink | None = None
    hub_id: int | None = None

    @property
    def sign_in_url(self) -> str:
        return f"{self.url}/sign-in"

    def link(self, **wanted: object) -> str:
        assert self.make_link is not None
        return self.make_link(**{name: value for name, value in wanted.items() if value is not None})


@contextmanager
def team_site() -> Iterator[Team]:
    """The team's site, until the end of the block."""
    port = free_port()
    team = Team(f"http://localhost:{port}")
    server = make_server("127.0.0.1", port, _application(team), threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield team
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _application(team: Team) -> Flask:
    app = Flask("team")

    @app.get("/sign-in")
    def ask() -> str:
        return _PAGE.format(title="Sign in to Example", content='<form method="post"><button>Sign in</button></form>')

    @app.post("/sign-in")
    def sign_in() -> Response:
        """The team signs its user in, in its own way, and vouches for them by the link."""
        return_url = request.args["hubspot_return_url"]
        return redirect(team.link(client_reference_id=CUSTOMER, hub_id=team.hub_id, hubspot_return_url=return_url))

    @app.get("/connected")
    def connected() -> str:
        return _PAGE.format(title="Welcome back to Example", content="")

    return app
