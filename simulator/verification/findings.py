"""HubSpot's replies, and the verdicts on facts that follow from them."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from requests import Response

_NAME = re.compile(r"[A-Za-z_]{1,60}")


class Verdict(StrEnum):
    """Whether HubSpot behaves as the fact says."""

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    NOT_TESTED = "not tested"


@dataclass(frozen=True, slots=True)
class Finding:
    """`reason` is what was seen instead, or why nothing was tried. It holds no secret."""

    verdict: Verdict
    reason: str = ""


CONFIRMED = Finding(Verdict.CONFIRMED)


class NotTested(Exception):
    """A check lacks what it needs; the message names it."""


def contradicted(seen: str) -> Finding:
    return Finding(Verdict.CONTRADICTED, seen)


def confirmed_if(holds: bool, seen: str) -> Finding:
    return CONFIRMED if holds else contradicted(seen)


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and a JSON object, empty when the body was not one."""

    status: int
    body: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, response: Response) -> "Reply":
        try:
            body = response.json()
        except ValueError:
            body = {}
        return cls(response.status_code, body if isinstance(body, dict) else {})

    def text(self, name: str) -> str:
        """The text of a field, "" if it has none."""
        value = self.body.get(name)
        return value if isinstance(value, str) else ""

    def seen(self) -> str:
        """The HTTP status and the names of the error. They hold no secret, so a report may show them."""
        names = [f"{name}={self.text(name)}" for name in ("status", "error", "category") if self._is_name(name)]
        return " ".join((f"HTTP {self.status}", *names))

    def _is_name(self, name: str) -> bool:
        return _NAME.fullmatch(self.text(name)) is not None

    def refuses(self, status: str, error: str) -> Finding:
        """Confirmed if this is HTTP 400 with this `status` and this `error` in the body."""
        matches = (self.status, self.text("status"), self.text("error")) == (400, status, error)
        return confirmed_if(matches, self.seen())

    def answers(self, status: int) -> Finding:
        return confirmed_if(self.status == status, self.seen())
