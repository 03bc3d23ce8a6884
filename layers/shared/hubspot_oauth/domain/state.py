"""What a started install and an install link remember while they travel through a browser.

A state lives for ten minutes and a link for a week, so another version of this code may read them. A new field must
have a default, and an unknown one is ignored.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

STATE_SECONDS = 600
LINK_SECONDS = 7 * 24 * 3600


class Kind(StrEnum):
    """Where an install was started."""

    OWN = "own"
    MARKETPLACE = "marketplace"


def browser_hash(browser_secret: str) -> str:
    """What the state keeps of the browser's cookie."""
    return hashlib.sha256(browser_secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class InstallState:
    """What one started install remembers while the browser is at HubSpot.

    Attributes:
        kind: ``own`` always needs the browser's cookie; ``marketplace`` never carries a return_to or a caller's state.
        nonce: Spent once, in the Scratch table; also names the browser's cookie.
        expires_at: Epoch seconds.
        browser: ``browser_hash`` of the cookie's value.
        redirect_uri: What HubSpot was told, repeated at the exchange.
        hub_id: The only account that may come back, when given.
        return_to: Where the browser goes after success; allow-listed when the install started.
        caller_state: The caller's own ``state``, handed back unchanged. Untrusted.
        client_reference_id: The team's own customer, only ever from a signed install link.
    """

    kind: Kind
    nonce: str
    expires_at: int
    browser: str
    redirect_uri: str
    hub_id: int | None = None
    return_to: str | None = None
    caller_state: str | None = None
    client_reference_id: str | None = None


@dataclass(frozen=True, slots=True)
class InstallLink:
    """What the team's back end said about an install before it began: signed, nothing stored."""

    expires_at: int
    client_reference_id: str | None = None
    hub_id: int | None = None
    return_to: str | None = None
    hubspot_return_url: str | None = None


NO_LINK = InstallLink(0)  # of a start that nothing is known of
