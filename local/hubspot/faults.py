"""Faults on demand: which calls go wrong, how often, and how. Delivering one is another module's work."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from local.hubspot.errors import ERRORS

# kind -> whether HubSpot did the work before the answer went wrong, unless the fault says otherwise.
KINDS = {
    "status": False,  # `status`, `body`, `headers`, `content_type`
    "error": False,  # `error`: a documented status such as BAD_CLIENT_SECRET
    "reset": False,  # the connection is reset
    "hang": False,  # nothing for `seconds`, then a reset
    "slow": True,  # the real answer, `seconds` late
    "truncated": True,  # the real JSON, cut in the middle
    "without": True,  # the real JSON without `fields`
    "with": True,  # the real JSON with `fields` added
    "large": True,  # the real JSON with padding, `bytes` long
    "drip": True,  # the real answer, one byte every `seconds`
}


@dataclass(slots=True, eq=False)
class Fault:
    """One thing that goes wrong for the calls it matches; None matches any, `remaining` None lasts until cleared."""

    kind: str
    endpoint: str | None = "token"
    grant_type: str | None = None
    hub_ids: frozenset[int] | None = None
    remaining: int | None = None
    after_work: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0
    hits: int = 0
    cleared: threading.Event = field(default_factory=threading.Event)

    def matches(self, endpoint: str, grant_type: str | None, hub_id: int | None) -> bool:
        """Whether this call is one of those that go wrong."""
        return (
            self.remaining != 0
            and self.endpoint in (None, endpoint)
            and self.grant_type in (None, grant_type)
            and (self.hub_ids is None or hub_id in self.hub_ids)
        )

    def description(self) -> dict[str, Any]:
        """What GET /_sim/faults tells about it."""
        return {
            "id": self.number,
            "kind": self.kind,
            "endpoint": self.endpoint,
            "grant_type": self.grant_type,
            "hub_ids": None if self.hub_ids is None else sorted(self.hub_ids),
            "remaining": self.remaining,
            "after_work": self.after_work,
            "hits": self.hits,
        }


class Faults:
    """Those in force, oldest first: the first that matches a call strikes it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Put a fault in force."""
        with self._lock:
            fault.number = next(self._numbers)
            self._faults.append(fault)
        return fault

    def take(self, endpoint: str, grant_type: str | None, hub_id: int | None) -> Fault | None:
        """The fault that strikes this call, counted."""
        with self._lock:
            fault = next((f for f in self._faults if f.matches(endpoint, grant_type, hub_id)), None)
            if fault is not None:
                fault.hits += 1
                fault.remaining = fault.remaining and fault.remaining - 1
            return fault

    def descriptions(self) -> list[dict[str, Any]]:
        """Every fault, the exhausted ones included."""
        with self._lock:
            return [fault.description() for fault in self._faults]

    def clear(self, number: int | None = None) -> int:
        """End one fault or all, and whatever still hangs on them; how many there were."""
        with self._lock:
            ended = [f for f in self._faults if number in (None, f.number)]
            self._faults = [f for f in self._faults if f not in ended]
        for fault in ended:
            fault.cleared.set()
        return len(ended)


def parse_fault(document: Mapping[str, Any]) -> Fault:
    """A fault from its JSON; ValueError names everything that is wrong with it."""
    kind, times = document.get("kind"), document.get("times")
    hubs = document.get("hub_id")
    details = {name: value for name, value in document.items() if name not in _SELECTORS}
    wrong = [
        *([] if kind in KINDS else [f"kind must be one of {', '.join(KINDS)}"]),
        *([] if times is None or (isinstance(times, int) and times > 0) else ["times must be a positive number"]),
        *([] if kind != "error" or details.get("error") in ERRORS else [f"error must be one of {', '.join(ERRORS)}"]),
        *([] if kind != "status" or isinstance(details.get("status"), int) else ["status must be a number"]),
        *(f"{name} is not known" for name in details if name not in _DETAILS),
    ]
    if wrong or kind is None:
        raise ValueError("; ".join(wrong))
    return Fault(
        kind,
        endpoint=document.get("endpoint", "token"),
        grant_type=document.get("grant_type"),
        hub_ids=None if hubs is None else frozenset(hubs if isinstance(hubs, list) else [hubs]),
        remaining=times,
        after_work=bool(document.get("after_work", KINDS[kind])),
        details=details,
    )


_SELECTORS = frozenset({"kind", "endpoint", "grant_type", "hub_id", "times", "after_work"})
_DETAILS = frozenset({"status", "body", "headers", "content_type", "error", "fields", "bytes", "seconds"})
