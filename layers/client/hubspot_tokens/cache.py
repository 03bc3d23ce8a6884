"""The tokens of this process, and one request at a time for each account among its threads."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from copy import copy
from dataclasses import dataclass

from hubspot_tokens.errors import TokenError, Unavailable
from hubspot_tokens.tokens import LEAST_SECONDS, Ask, Token

MOST_CACHED = 4096
#: While the service is away and the cached token still lives, it is asked again no sooner than this.
ASK_AGAIN_SECONDS = 5.0


@dataclass(slots=True)
class Entry:
    """A cached token, and how long it had to live when it was asked for.

    Two clocks measure its age, and the larger age counts. The wall clock may be set back; the monotonic clock may stand
    still while a Lambda environment is frozen.
    """

    token: Token
    seconds: float
    wall: float
    monotonic: float
    ask_again_at: float = 0.0

    def left(self, wall: float, monotonic: float) -> float:
        """Seconds until the token expires."""
        return self.seconds - max(wall - self.wall, monotonic - self.monotonic)


class Flight:
    """A request under way, and everyone who waits for it.

    Attributes:
        ask: What it asks for.
        answer: Will hold the token or the error, or None if the request was given up.
    """

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.answer: Future[Token | None] = Future()

    def landed(self) -> Token | None:
        """Wait for the answer. Each waiter gets an error of its own, so that tracebacks do not mix.

        Raises:
            TokenError: There is no token.
        """
        error = self.answer.exception()
        if isinstance(error, TokenError):
            raise copy(error) from error.__cause__
        return self.answer.result()


@dataclass(frozen=True, slots=True)
class Seat:
    """A place on a flight. One caller flies it; the others wait."""

    flight: Flight
    flies: bool


class TokenCache:
    """Hands out cached tokens; lets one caller ask the service while the others wait for the answer.

    Args:
        request: Asks the service; returns the token and how many seconds it still lives.
        wall, monotonic: Clocks, in seconds.
    """

    def __init__(
        self,
        request: Callable[[Ask], tuple[Token, float]],
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._request = request
        self._wall = wall
        self._monotonic = monotonic
        self.forget_all()

    def forget_all(self) -> None:
        """Forget every token and every request; also for a forked child, where their threads do not run."""
        self._lock = threading.Lock()
        self._entries: dict[int, Entry] = {}
        self._flights: dict[int, Flight] = {}

    def forget(self, hub_id: int) -> None:
        """Forget the account's token."""
        with self._lock:
            self._entries.pop(hub_id, None)

    def look(self, ask: Ask) -> Token | Seat:
        """A cached token that satisfies the ask, or else a seat on the account's flight."""
        with self._lock:
            entry = self._entries.get(ask.hub_id)
            if entry and ask.allows(entry.token) and self._good(entry, ask):
                return entry.token
            if flight := self._flights.get(ask.hub_id):
                return Seat(flight, flies=False)
            flight = self._flights[ask.hub_id] = Flight(ask)
            return Seat(flight, flies=True)

    def fly(self, flight: Flight) -> None:
        """Ask the service, and give the answer to everyone who waits for the flight."""
        try:
            token = self._fetch(flight.ask)
        except Exception as error:  # noqa: BLE001 - whoever waits gets it, the caller of this method among them
            self._land(flight)
            flight.answer.set_exception(error)
        except BaseException:
            self.give_up(flight)
            raise
        else:
            self._land(flight)
            flight.answer.set_result(token)

    def give_up(self, flight: Flight) -> None:
        """End a flight that will not be flown; whoever waits for it begins anew."""
        self._land(flight)
        flight.answer.set_result(None)

    def _land(self, flight: Flight) -> None:
        with self._lock:
            if self._flights.get(flight.ask.hub_id) is flight:
                del self._flights[flight.ask.hub_id]

    def _fetch(self, ask: Ask) -> Token:
        wall, monotonic = self._wall(), self._monotonic()
        try:
            token, seconds = self._request(ask)
        except Unavailable:
            if stale := self._stale(ask):
                return stale
            raise
        except Exception:
            self.forget(ask.hub_id)
            raise
        with self._lock:
            self._entries.pop(ask.hub_id, None)
            while len(self._entries) >= MOST_CACHED:
                del self._entries[next(iter(self._entries))]
            self._entries[ask.hub_id] = Entry(token, seconds, wall, monotonic)
        return token

    def _stale(self, ask: Ask) -> Token | None:
        with self._lock:
            entry = self._entries.get(ask.hub_id)
            if entry is None or not ask.allows(entry.token) or self._left(entry) < LEAST_SECONDS:
                return None
            entry.ask_again_at = self._monotonic() + ASK_AGAIN_SECONDS
            return entry.token

    def _good(self, entry: Entry, ask: Ask) -> bool:
        left = self._left(entry)
        waits = self._monotonic() < entry.ask_again_at
        return left >= (LEAST_SECONDS if waits else ask.wanted_seconds(entry.seconds))

    def _left(self, entry: Entry) -> float:
        return entry.left(self._wall(), self._monotonic())
