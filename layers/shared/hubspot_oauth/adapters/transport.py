"""HTTP to HubSpot with one bound on a whole call: total wall time and size, however slowly the answer drips.

A read time-out bounds one read, not a call: a server that sends a byte a second never trips it. So one watchdog thread
shuts the socket down when the time is up, which ends whatever read or write is under way. Resolving the name and trying
several addresses may take longer than that; then nothing is sent.
"""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from math import inf
from threading import Condition, Lock, Thread, local
from time import monotonic, time
from typing import Any, Literal

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from hubspot_oauth.domain.timing import recent

CONNECT_SECONDS = 2
IDLE_SECONDS = 30  # a connection that rested longer is not used: a frozen container does not hear that it was closed
MOST_BYTES = 128 * 1024  # sealed and base64-encoded it still fits a queue message and a table row


class NoAnswer(Exception):
    """The call ended without a whole answer; ``str()`` is one word that names why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class _Deadline(local):
    """The call under way in this thread: its connections register their sockets here."""

    watch: "_Watch | None" = None


_deadline = _Deadline()


class _Watch:
    """One call: when it must be over, and the socket that carries it."""

    def __init__(self, seconds: float) -> None:
        self.until = monotonic() + seconds
        self.expired = False
        self._socket: socket.socket | None = None
        self._lock = Lock()

    def carry(self, sock: socket.socket) -> None:
        """From now on the call goes over this socket.

        Raises:
            TimeoutError: The time is up: nothing must be sent any more, for nobody would read the answer.
        """
        with self._lock:
            self._socket = sock
            self.expired = self.expired or monotonic() >= self.until
            if self.expired:
                raise TimeoutError

    def let_go(self) -> None:
        """The socket carries another call from now on."""
        with self._lock:
            self._socket = None

    def expire(self) -> None:
        with self._lock:
            self.expired = True
            if self._socket is not None:
                with suppress(OSError):
                    # The plain socket's own shutdown: an SSLSocket's would drop TLS state under the reading thread.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _Watchdog:
    """The one thread that ends overdue calls of this process.

    It sleeps until the earliest end it knows of. A call that is over in time is only struck off, and the next one
    usually ends later than those before it, so that neither wakes the thread.
    """

    def __init__(self) -> None:
        self._watches: set[_Watch] = set()
        self._changed = Condition()
        self._thread: Thread | None = None
        self._wakes_at = inf

    def add(self, watch: _Watch) -> None:
        with self._changed:
            self._watches.add(watch)
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            elif watch.until < self._wakes_at:
                self._changed.notify()

    def remove(self, watch: _Watch) -> None:
        with self._changed:
            self._watches.discard(watch)

    def _run(self) -> None:
        while True:
            with self._changed:
                now = monotonic()
                overdue = {watch for watch in self._watches if watch.until <= now}
                self._watches -= overdue
                for watch in overdue:
                    watch.expire()
                self._wakes_at = min((watch.until for watch in self._watches), default=inf)
                self._changed.wait(None if self._wakes_at == inf else self._wakes_at - now)


_watchdog = _Watchdog()


class _Watched:
    """Mixed into urllib3's connections: tells the call under way which socket carries it, before anything is sent."""

    sock: socket.socket | None
    _carries: _Watch | None = None
    _used_at = 0.0  # by the wall clock, which goes on while the container is frozen

    @property
    def is_connected(self) -> bool:
        """What urllib3 asks before it uses a kept connection."""
        return super().is_connected and recent(self._used_at, time(), IDLE_SECONDS)  # type: ignore[misc]

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self._carry()

    def request(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - urllib3's own signature, passed through
        if self.sock is not None:
            self._carry()  # kept alive from an earlier call
        super().request(*args, **kwargs)  # type: ignore[misc]

    def _carry(self) -> None:
        self._used_at = time()
        watch = _deadline.watch
        if watch and self.sock is not None:
            if self._carries not in (None, watch):
                self._carries.let_go()  # its answer was read a moment ago; its end must not be ours
            self._carries = watch
            watch.carry(self.sock)


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


class _Session(requests.Session):
    """Knows no redirects: requests reads where one leads, and its whole body, even when it shall not follow."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - of no answer
        return None


def session(pool: int) -> requests.Session:
    """A session that never retries, knows no redirects, keeps no cookies and ignores the environment's proxies."""
    made = _Session()
    made.trust_env = False
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
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
    _watchdog.add(watch)
    try:
        yield watch
    finally:
        _deadline.watch = None
        _watchdog.remove(watch)
