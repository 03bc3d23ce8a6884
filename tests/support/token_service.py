"""A token service over HTTP that answers as the test says, and notes what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request: path with query, and headers by lower-case name."""

    target: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Said:
    """An answer; a dict becomes JSON. A status of 0 closes the connection without one."""

    status: int
    body: Any = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class TokenService:
    """Attributes: url; answer: called with each request; asked: the requests so far."""

    def __init__(self, answer: Callable[[Asked], Said]) -> None:
        self.url = ""
        self.answer = answer
        self.asked: list[Asked] = []


@contextmanager
def serving(answer: Callable[[Asked], Said]) -> Iterator[TokenService]:
    service = TokenService(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()})
            service.asked.append(asked)
            said = service.answer(asked)
            if not said.status:
                self.close_connection = True
                return
            body = said.body if isinstance(said.body, bytes | str) else json.dumps(said.body)
            content = body.encode() if isinstance(body, str) else body
            self.send_response(said.status)
            for name, value in {"content-length": str(len(content)), **said.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
