"""HubSpot's answers, read so that nothing secret in them can reach a report."""

import re
from dataclasses import dataclass, field
from typing import Any

from requests import Response

from local.contract.findings import Finding, confirmed_if

_NAME = re.compile(r"[A-Za-z_]{1,60}")


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
