"""The contents of the OAuth state and of an install link, which both travel through the browser.

A state lives for ten minutes and a link for a week, so another version of this code may read them. A new field must
have a default, and unknown fields are ignored.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

STATE_SECONDS = 600
LINK_SECONDS = 7 * 24 * 3600


class Kind(StrEnum):
    """Where an install was started: here (``own``) or in HubSpot's Marketplace."""

    OWN = "own"
    MARKETPLACE = "marketplace"


def browser_hash(browser_secret: str) -> str:
    """The hash of the cookie's value. The state carries only this hash; the value stays in the browser."""
    return hashlib.sha256(browser_secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class InstallState:
    """The content of the OAuth ``state`` parameter of one install.

    Attributes:
        kind: ``own`` always needs the browser's cookie; ``marketplace`` never carries a return_to or a caller's state.
        nonce: Spent once, in the Scratch table; also names the browser's cookie.
        expires_at: Epoch seconds.
        browser: ``browser_hash`` of the cookie's value.
        redirect_uri: The redirect URL sent to HubSpot; the code exchange must repeat it.
        hub_id: The only account that may install, if given.
        return_to: Where the browser goes after success. Its origin is checked when the install starts.
        caller_state: The caller's own ``state``, handed back unchanged. Untrusted.
        client_reference_id: The team's id of its own customer; comes only from a signed install link.
        link_expires_at: When that link expires, in epoch seconds. A link that starts the install again keeps this time.
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
    link_expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class InstallLink:
    """What is known of an install when it starts, from a signed install link or the plain query. It is not stored."""

    expires_at: int
    client_reference_id: str | None = None
    hub_id: int | None = None
    return_to: str | None = None
    hubspot_return_url: str | None = None


NO_LINK = InstallLink(0)  # for an install that starts without a link
