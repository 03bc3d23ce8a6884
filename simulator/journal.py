"""The journal: every call with its outcome, secrets by fingerprint only, and counters over all calls."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any

KEPT_ENTRIES = 100_000
PENDING = "pending"

# One finished call: endpoint, grant type or "", account, ending.
Ended = tuple[str, str, int | None, str]
Tables = dict[str, dict[str, Counter[str]]]


def fingerprint(secret: str) -> str:
    """Twelve hex digits, enough to compare two secrets without showing either."""
    return sha256(secret.encode()).hexdigest()[:12]


@dataclass(slots=True)
class Entry:
    """One call.

    `outcome` is the result of the work, or "none" when a fault prevented the work. `status` is None when a fault
    distorted the answer.
    """

    endpoint: str
    method: str
    path: str
    grant_type: str | None = None
    hub_id: int | None = None
    fingerprints: dict[str, str] = field(default_factory=dict)
    number: int = 0
    time: float = 0.0
    status: int | None = None
    outcome: str = PENDING
    fault: str | None = None

    def fingerprint(self, secrets: Mapping[str, str | None]) -> None:
        """Add the fingerprints of named secrets."""
        self.fingerprints |= {name: fingerprint(value) for name, value in secrets.items() if value}


class Journal:
    """Keeps the last hundred thousand entries; the counters cover all calls. Thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        with self._lock:
            self._numbers = count(1)
            self._entries: deque[Entry] = deque(maxlen=KEPT_ENTRIES)
            self._ended: Counter[Ended] = Counter()
            self._in_flight = self._peak = 0

    def open(self, entry: Entry) -> Entry:
        """Add a call that has arrived."""
        with self._lock:
            entry.number, entry.time = next(self._numbers), self._clock()
            self._entries.append(entry)
            self._in_flight += 1
            self._peak = max(self._peak, self._in_flight)
        return entry

    def close(self, entry: Entry, status: int | None, outcome: str, fault: str | None = None) -> None:
        """Record how the call ended."""
        with self._lock:
            entry.status, entry.outcome, entry.fault = status, outcome, fault
            self._ended[entry.endpoint, entry.grant_type or "", entry.hub_id, _ending(outcome, fault)] += 1
            self._in_flight -= 1

    def note(self, entry: Entry, status: int, outcome: str) -> None:
        """Add a call that has already ended."""
        self.close(self.open(entry), status, outcome)

    def entries(self, after: int = 0, limit: int = 1000, hub_id: int | None = None) -> list[dict[str, Any]]:
        """The latest `limit` calls with a number above `after`, oldest first."""
        with self._lock:
            chosen = [e for e in self._entries if e.number > after and hub_id in (None, e.hub_id)]
            return [asdict(entry) for entry in chosen[max(0, len(chosen) - limit) :]]

    def counters(self, *, by_hub_id: bool = True) -> dict[str, Any]:
        """Finished calls by endpoint, grant type and account, each by ending, and the peak of concurrent calls."""
        with self._lock:
            ended, peak = dict(self._ended), self._peak
        tables: Tables = {"by_endpoint": {}, "by_grant_type": {}, "by_hub_id": {}}
        for call, times in ended.items():
            _count(tables, call, times, by_hub_id=by_hub_id)
        return {"calls": sum(ended.values()), "peak_in_flight": peak} | tables


def _count(tables: Tables, call: Ended, times: int, *, by_hub_id: bool) -> None:
    endpoint, grant_type, hub_id, ending = call
    tables["by_endpoint"].setdefault(endpoint, Counter())[ending] += times
    if grant_type:
        tables["by_grant_type"].setdefault(grant_type, Counter())[ending] += times
    if hub_id is not None and by_hub_id:
        tables["by_hub_id"].setdefault(str(hub_id), Counter())[f"{grant_type or endpoint}:{ending}"] += times


def _ending(outcome: str, fault: str | None) -> str:
    return outcome if fault is None else f"fault:{fault}/{outcome}"
