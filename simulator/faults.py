"""Faults on demand: which calls they strike, how often, and in what way. fault_delivery.py carries them out."""

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from simulator.answers import ERRORS

ENDPOINTS = ("token", "introspect", "revoke", "uninstall", "account_info", "crm")
GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")

# kind -> the default of `after_work`: whether HubSpot first does the work, such as rotating a refresh token.
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
    """`endpoint`, `grant_type` and `hub_ids` select the calls; None selects all.

    `remaining` is how many more calls the fault strikes; if it is None, the fault lasts until it is cleared.
    """

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
        return (
            self.remaining != 0
            and self.endpoint in (None, endpoint)
            and self.grant_type in (None, grant_type)
            and (self.hub_ids is None or hub_id in self.hub_ids)
        )

    def description(self) -> dict[str, Any]:
        """The fault as GET /_sim/faults shows it."""
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
    """The faults in force. The oldest that matches a call strikes it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            fault.number = next(self._numbers)
            self._faults.append(fault)
        return fault

    def take(self, endpoint: str, grant_type: str | None, hub_id: int | None) -> Fault | None:
        """Find the fault that strikes this call, and count it."""
        with self._lock:
            fault = next((f for f in self._faults if f.matches(endpoint, grant_type, hub_id)), None)
            if fault is not None:
                fault.hits += 1
                fault.remaining = fault.remaining and fault.remaining - 1
            return fault

    def descriptions(self) -> list[dict[str, Any]]:
        """All faults, exhausted ones included."""
        with self._lock:
            return [fault.description() for fault in self._faults]

    def clear(self, number: int | None = None) -> int:
        """End one fault or all, with the calls they still hold; return the number of faults ended."""
        with self._lock:
            ended = [f for f in self._faults if number in (None, f.number)]
            self._faults = [f for f in self._faults if f not in ended]
        for fault in ended:
            fault.cleared.set()
        return len(ended)


def parse_fault(document: Mapping[str, Any]) -> Fault:
    """Read a fault from its JSON.

    Raises:
        ValueError: Names everything that is wrong with it.
    """
    if wrong := _wrong(document):
        raise ValueError("; ".join(wrong))
    kind, hubs = document["kind"], document.get("hub_id")
    return Fault(
        kind,
        endpoint=document.get("endpoint", "token"),
        grant_type=document.get("grant_type"),
        hub_ids=None if hubs is None else frozenset(hubs if isinstance(hubs, list) else [hubs]),
        remaining=document.get("times"),
        after_work=bool(document.get("after_work", KINDS[kind])),
        details={name: value for name, value in document.items() if name not in _SELECTORS},
    )


def _wrong(document: Mapping[str, Any]) -> list[str]:
    kind = document.get("kind")
    wrong = [f"{name} is not known" for name in document if name not in _MEMBERS]
    wrong += [f"{name} must be {want}" for name, (want, right) in _MEMBERS.items() if not right(document.get(name))]
    wrong += [f"{name} is missing" for name in _NEEDED.get(str(kind), ()) if name not in document]
    if "fields" in document and isinstance(document["fields"], Mapping) != (kind == "with"):
        wrong.append("fields must be a list, or for “with” an object")
    return wrong


def _number(value: object, least: float = 0) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value >= least)


def _hubs(value: object) -> bool:
    hubs = value if isinstance(value, list) else [value]
    return all(isinstance(hub, int) and not isinstance(hub, bool) for hub in hubs)


def _one_of(values: Collection[object]) -> Callable[[object], bool]:
    return lambda value: value is None or value in values


def _kind_of(*types: type) -> Callable[[object], bool]:
    return lambda value: value is None or isinstance(value, types)


_SELECTORS = frozenset({"kind", "endpoint", "grant_type", "hub_id", "times", "after_work"})
# The members that a kind requires.
_NEEDED = {"status": ("status",), "error": ("error",), "without": ("fields",), "with": ("fields",)}
# member -> what it must be, in words and as a check; the check gets None for an absent member.
_MEMBERS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "kind": (f"one of {', '.join(KINDS)}", lambda value: value in KINDS),
    "endpoint": (f"one of {', '.join(ENDPOINTS)}", _one_of(ENDPOINTS)),
    "grant_type": (f"one of {', '.join(GRANT_TYPES)}", _one_of(GRANT_TYPES)),
    "hub_id": ("a number, or a list of them", lambda value: value is None or _hubs(value)),
    "times": ("a positive whole number", lambda value: isinstance(value, int | None) and _number(value, 1)),
    "after_work": ("true or false", _kind_of(bool)),
    "status": ("a number", lambda value: isinstance(value, int | None) and _number(value, 100)),
    "error": (f"one of {', '.join(ERRORS)}", _one_of(ERRORS)),
    "body": ("text, or JSON", lambda _: True),
    "headers": ("an object", _kind_of(Mapping)),
    "content_type": ("text", _kind_of(str)),
    "fields": ("a list of names, or for “with” an object", _kind_of(list, Mapping)),
    "bytes": ("a number", _number),
    "seconds": ("a number", _number),
}
