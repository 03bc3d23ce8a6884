"""What checking a fact came to."""

from dataclasses import dataclass
from enum import StrEnum


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
