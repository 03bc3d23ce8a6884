"""Limits the total time of an HTTP call, however slowly the answer arrives.

A read time-out limits a single read, and a server that sends a byte a second never exceeds it. So a watchdog thread
shuts the socket down when the time is up, which ends the read or write under way. Resolving the name and connecting may
take longer than the limit; then nothing is sent.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import inf
from threading import Condition, Lock, Thread, local
from time import monotonic


class _UnderWay(local):
    """The watch of this thread's call, which the connection looks up to register its socket."""

    watch: "Watch | None" = None


_under_way = _UnderWay()


class Watch:
    """The deadline of one call, and the socket that carries it."""

    def __init__(self, seconds: float) -> None:
        self.until = monotonic() + seconds
        self.expired = False
        self._socket: socket.socket | None = None
        self._lock = Lock()

    def carry(self, sock: socket.socket) -> None:
        """Register the socket that carries the call from now on.

        Raises:
            TimeoutError: The time is up. Nothing may be sent any more, because the answer would not be read.
        """
        with self._lock:
            self._socket = sock
            self.expired = self.expired or monotonic() >= self.until
            if self.expired:
                raise TimeoutError

    def let_go(self) -> None:
        """Forget the socket, because it carries another call from now on."""
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
    """The one thread that ends this process's overdue calls.

    It sleeps until the earliest deadline it knows. Removing a call never wakes it, and adding one wakes it only if its
    deadline is the earliest.
    """

    def __init__(self) -> None:
        self._watches: set[Watch] = set()
        self._changed = Condition()
        self._thread: Thread | None = None
        self._wakes_at = inf

    def add(self, watch: Watch) -> None:
        with self._changed:
            self._watches.add(watch)
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            elif watch.until < self._wakes_at:
                self._changed.notify()

    def remove(self, watch: Watch) -> None:
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


def watch_under_way() -> Watch | None:
    """The watch of the call that this thread is making, or None."""
    return _under_way.watch


@contextmanager
def within(seconds: float) -> Iterator[Watch]:
    """Limit the call that this thread makes in the block; its socket is shut down after ``seconds``."""
    watch = _under_way.watch = Watch(seconds)
    _watchdog.add(watch)
    try:
        yield watch
    finally:
        _under_way.watch = None
        _watchdog.remove(watch)
