"""One install attempt as a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

INSTALLED = "installed"
#: Longer than the callback function's time-out: a function that is pending for longer has died.
PENDING_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Attempt:
    """One install attempt.

    Attributes:
        attempt_id: The state's nonce; for an install without a state, a name made of its code.
        browser: ``browser_hash`` of the browser that may see its landing; None where no cookie was involved.
        started_at: Epoch seconds.
        outcome: None while pending, ``installed``, or a refusal's code.
        hub_id: The account, once installed.
        missing_scopes: The required scopes that HubSpot did not grant, if it was refused for them.
        return_to: Where its browser goes once installed, if the install said so.
        caller_state: The caller's own ``state``, handed back there.
    """

    attempt_id: str
    browser: str | None
    started_at: int
    outcome: str | None = None
    hub_id: int | None = None
    missing_scopes: tuple[str, ...] = ()
    return_to: str | None = None
    caller_state: str | None = None

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> "Attempt":
        """The attempt that an item of the Scratch table holds, given as plain values."""
        return cls(
            attempt_id=item["attempt_id"],
            browser=item.get("browser"),
            started_at=item["started_at"],
            outcome=item.get("outcome"),
            hub_id=item.get("hub_id"),
            missing_scopes=tuple(item.get("missing_scopes", "").split()),
            return_to=item.get("return_to"),
            caller_state=item.get("caller_state"),
        )

    def interrupted(self, now: float) -> bool:
        """Whether its function died before it could record the outcome."""
        return self.outcome is None and now - self.started_at >= PENDING_SECONDS


def code_name(code: str) -> str:
    """What is stored of an authorization code: a hash, since the code itself is a credential."""
    return sha256(code.encode()).hexdigest()
