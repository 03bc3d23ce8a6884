"""The journal: every call, with fingerprints where secrets were, and counts of how the calls ended."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any

KEPT_ENTRIES = 100_000
PENDING = "pending"


def fingerprint(secret: str) -> str:
    """Twelve hex digits that tell two secrets apart and give neither away."""
    return sha256(secret.encode()).hexdigest()[:12]


@dataclass(slots=True)
class Entry:
    """One call. `outcome` is what the work came to ("none": a fault came first); a `fault` is what the caller saw."""

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
        """Note secrets by their fingerprints; nothing else of them is kept."""
        self.fingerprints |= {name: fingerprint(value) for name, value in secrets.items() if value}


class Journal:
    """Thread-safe; entries beyond the last hundred thousand fall out, the counters go on."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forget every call."""
        with self._lock:
            self._numbers = count(1)
            self._entries: deque[Entry] = deque(maxlen=KEPT_ENTRIES)
            self._counters: Counter[tuple[str, str, int | None, str]] = Counter()
            self._in_flight = self._peak = 0

    def open(self, entry: Entry) -> Entry:
        """Note that a call has arrived."""
        with self._lock:
            entry.number, entry.time = next(self._numbers), self._clock()
            self._entries.append(entry)
            self._in_flight += 1
            self._peak = max(self._peak, self._in_flight)
        return entry

    def close(self, entry: Entry, status: int | None, outcome: str, fault: str | None = None) -> None:
        """Note how the call ended; `status` None means that no answer was sent."""
        with self._lock:
            entry.status, entry.outcome, entry.fault = status, outcome, fault
            self._counters[entry.endpoint, entry.grant_type or "", entry.hub_id, _ending(outcome, fault)] += 1
            self._in_flight -= 1

    def note(self, entry: Entry, status: int, outcome: str) -> None:
        """A call that is over as soon as it is seen."""
        self.close(self.open(entry), status, outcome)

    def entries(self, after: int = 0, limit: int = 1000, hub_id: int | None = None) -> list[dict[str, Any]]:
        """The latest calls with a number above `after`, oldest first."""
        with self._lock:
            chosen = [e for e in self._entries if e.number > after and hub_id in (None, e.hub_id)]
            return [asdict(entry) for entry in chosen[max(0, len(chosen) - limit) :]]

    def counters(self, *, by_hub_id: bool = True) -> dict[str, Any]:
        """Finished calls by endpoint, by grant type and by account, each by outcome; and the most at one time."""
        with self._lock:
            counted, peak = dict(self._counters), self._peak
        tables: dict[str, dict[str, Counter[str]]] = {"by_endpoint": {}, "by_grant_type": {}, "by_hub_id": {}}
        for (endpoint, grant_type, hub_id, ending), calls in counted.items():
            tables["by_endpoint"].setdefault(endpoint, Counter())[ending] += calls
            if grant_type:
                tables["by_grant_type"].setdefault(grant_type, Counter())[ending] += calls
            if hub_id is not None and by_hub_id:
                tables["by_hub_id"].setdefault(str(hub_id), Counter())[f"{grant_type or endpoint}:{ending}"] += calls
        return {"calls": sum(counted.values()), "peak_in_flight": peak} | tables


def _ending(outcome: str, fault: str | None) -> str:
    return outcome if fault is None else f"fault:{fault}/{outcome}"
