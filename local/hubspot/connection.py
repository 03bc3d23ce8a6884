"""One HTTP/1.1 connection, kept alive between calls; whoever times the simulator sees its work, not its transport."""

from collections.abc import Callable
from contextlib import closing
from io import BytesIO

from werkzeug.serving import WSGIRequestHandler
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
