"""HubSpot's replies, and what checking a fact against them came to."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from requests import Response

_NAME = re.compile(r"[A-Za-z_]{1,60}")


class Verdict(StrEnum):
    """Whether HubSpot behaves as this project assumes."""

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    NOT_TESTED = "not tested"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict, and what was seen instead or why nothing was tried; never a secret."""

    verdict: Verdict
    reason: str = ""


CONFIRMED = Finding(Verdict.CONFIRMED)


class NotTested(Exception):
    """Raised by a check that lacks what it needs; the message says what."""


def contradicted(seen: str) -> Finding:
    """HubSpot did something else."""
    return Finding(Verdict.CONTRADICTED, seen)


def confirmed_if(holds: bool, seen: str) -> Finding:
    """Confirmed when it holds; otherwise what was seen."""
    return CONFIRMED if holds else contradicted(seen)


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and a JSON object, empty when the body was none."""

    status: int
    body: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, response: Response) -> "Reply":
        """Read a response; a body that is not a JSON object counts as empty."""
        try:
            body = response.json()
        except ValueError:
            body = {}
        return cls(response.status_code, body if isinstance(body, dict) else {})

    def text(self, name: str) -> str:
        """A text field, or nothing."""
        value = self.body.get(name)
        return value if isinstance(value, str) else ""

    def seen(self) -> str:
        """What a report may say of it: the status and the names of the error."""
        names = [f"{name}={self.text(name)}" for name in ("status", "error", "category") if self._is_name(name)]
        return " ".join((f"HTTP {self.status}", *names))

    def _is_name(self, name: str) -> bool:
        return _NAME.fullmatch(self.text(name)) is not None

    def refuses(self, status: str, error: str) -> Finding:
        """Confirmed when this is HTTP 400 with the documented names."""
        matches = (self.status, self.text("status"), self.text("error")) == (400, status, error)
        return confirmed_if(matches, self.seen())

    def answers(self, status: int) -> Finding:
        """Confirmed when the HTTP status is this one."""
        return confirmed_if(self.status == status, self.seen())
