"""The record of one install attempt."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

INSTALLED = "installed"
#: Longer than the callback function may run (45 seconds, template.yaml), so an attempt that is pending for longer than
#: this was interrupted.
PENDING_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Attempt:
    """One install attempt, as the Scratch table keeps it.

    Attributes:
        attempt_id: The state's nonce; for an install without a state, a name made from its code's hash.
        browser: ``browser_hash`` of the browser that may see the landing; None if the install set no cookie.
        started_at: Epoch seconds.
        outcome: None while pending, ``installed``, or a refusal's code.
        hub_id: The account that HubSpot named, once the code was exchanged.
        hub_domain: That account's domain, if it is known.
        wanted_hub_id: The account that the install link is for, if it is for one.
        missing_scopes: The requested scopes that HubSpot did not grant, if that is why the attempt was refused.
        return_to: Where the browser goes after success, if given.
        caller_state: The caller's own ``state``, which is added to ``return_to``.
    """

    attempt_id: str
    browser: str | None
    started_at: int
    outcome: str | None = None
    hub_id: int | None = None
    missing_scopes: tuple[str, ...] = ()
    return_to: str | None = None
    caller_state: str | None = None
    hub_domain: str | None = None
    wanted_hub_id: int | None = None

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> "Attempt":
        """Parse an item of the Scratch table that is already converted to plain values."""
        return cls(
            attempt_id=item["attempt_id"],
            browser=item.get("browser"),
            started_at=item["started_at"],
            outcome=item.get("outcome"),
            hub_id=item.get("hub_id"),
            missing_scopes=tuple(item.get("missing_scopes", "").split()),
            return_to=item.get("return_to"),
            caller_state=item.get("caller_state"),
            hub_domain=item.get("hub_domain"),
            wanted_hub_id=item.get("wanted_hub_id"),
        )

    def interrupted(self, now: float) -> bool:
        """Whether the callback function died before it recorded the outcome."""
        return self.outcome is None and now - self.started_at >= PENDING_SECONDS


def code_name(code: str) -> str:
    """The hash that is stored in place of an authorization code, because the code itself is a credential."""
    return sha256(code.encode()).hexdigest()
