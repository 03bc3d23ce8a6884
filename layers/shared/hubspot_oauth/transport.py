"""HTTP to HubSpot with one bound on a whole call: total wall time and size, however slowly the answer drips.

A read time-out bounds one read, not a call: a server that sends a byte a second never trips it. So a timer shuts the
socket down when the time is up, which ends whatever read is under way.
"""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

CONNECT_SECONDS = 2
MOST_BYTES = 128 * 1024  # sealed and base64-encoded it still fits a queue message and a table row


class NoAnswer(Exception):
    """The call ended without a whole answer; ``str()`` is one word that names why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class _Deadline(threading.local):
    """The call under way in this thread: its connections register their sockets here."""

    watch: "_Watch | None" = None


_deadline = _Deadline()


class _Watch:
    def __init__(self, seconds: float) -> None:
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self.expired = False
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self._timer.start()

    def add(self, sock: socket.socket | None) -> None:
        with self._lock:
            if sock is not None:
                self._sockets.append(sock)
        if self.expired:
            self._expire()

    def stop(self) -> None:
        self._timer.cancel()

    def _expire(self) -> None:
        self.expired = True
        with self._lock:
            for sock in self._sockets:
                with suppress(OSError):
                    # The plain socket's own shutdown: an SSLSocket's would drop TLS state under the reading thread.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _Watched:
    """Mixed into urllib3's connections: tells the deadline which socket carries the request."""

    sock: socket.socket | None

    def request(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - urllib3's own signature, passed through
        super().request(*args, **kwargs)  # type: ignore[misc]
        if _deadline.watch:
            _deadline.watch.add(self.sock)


class _WatchedHTTP(_Watched, HTTPConnection):
    pass


class _WatchedHTTPS(_Watched, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _WatchedHTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedHTTPS


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:  # noqa: ANN401
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


def session(pool: int) -> requests.Session:
    """A session that never retries, follows no redirects of its own accord and ignores the environment's proxies."""
    made = requests.Session()
    made.trust_env = False
    for scheme in ("http://", "https://"):
        made.mount(scheme, _Adapter(pool_connections=2, pool_maxsize=pool, max_retries=0))
    return made


def call(
    client: requests.Session,
    method: Literal["POST", "DELETE"],
    url: str,
    seconds: float,
    *,
    form: Mapping[str, str] | None = None,
    bearer: str | None = None,
) -> Answer:
    """One call, whole within ``seconds`` or not at all: a form post, or a call with a bearer token.

    Raises:
        NoAnswer: ``timeout``, ``too_large``, or the name of the connection's fault. HubSpot may have done the work.
    """
    timeout = (min(CONNECT_SECONDS, seconds), seconds)
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    with _within(seconds) as watch:
        try:
            with client.request(
                method, url, data=form, headers=headers, timeout=timeout, allow_redirects=False, stream=True
            ) as response:
                body = _read(response)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise NoAnswer("timeout" if _is_timeout(error, watch) else type(error).__name__) from None
        if watch.expired:
            raise NoAnswer("timeout")
        return Answer(response.status_code, response.headers, body)


def _read(response: requests.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(16 * 1024):
        body += chunk
        if len(body) > MOST_BYTES:
            raise NoAnswer("too_large")
    return bytes(body)


def _is_timeout(error: Exception, watch: _Watch) -> bool:
    return watch.expired or isinstance(error, requests.Timeout)


@contextmanager
def _within(seconds: float) -> Iterator[_Watch]:
    watch = _deadline.watch = _Watch(seconds)
    try:
        yield watch
    finally:
        _deadline.watch = None
        watch.stop()
