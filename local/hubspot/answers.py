"""What an API endpoint answers, before any fault distorts it and before HTTP carries it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body (None: no body), with the outcome the journal keeps."""

    status: int
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    outcome: str = "ok"
    hub_id: int | None = None
