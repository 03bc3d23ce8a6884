"""urllib3 connections that register their socket with the current call's watch before anything is sent."""

import socket
from time import time
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection

from hubspot_oauth.adapters.call_deadline import Watch, watch_under_way
from hubspot_oauth.domain.clocks import recent

IDLE_SECONDS = 30  # limit for reuse: a frozen container does not notice that a server closes its connection


class _Watched:
    """Mixed into urllib3's connections."""

    sock: socket.socket | None
    _carries: Watch | None = None
    _used_at = 0.0  # by the wall clock, which goes on while the container is frozen

    @property
    def is_connected(self) -> bool:
        """Whether urllib3 may reuse this connection."""
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
        watch = watch_under_way()
        if watch and self.sock is not None:
            if self._carries not in (None, watch):
                self._carries.let_go()  # the previous call is over; its deadline must not close our socket
            self._carries = watch
            watch.carry(self.sock)


class WatchedHTTP(_Watched, HTTPConnection):
    pass


class WatchedHTTPS(_Watched, HTTPSConnection):
    pass
