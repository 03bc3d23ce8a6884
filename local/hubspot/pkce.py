"""Proof Key for Code Exchange (RFC 7636). HubSpot documents it for the exchange only; the page's part is assumed."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the authorization URL carried."""

    value: str
    method: str = "plain"

    def is_met_by(self, verifier: str) -> bool:
        """Whether the exchange came from whoever made the challenge."""
        shown = verifier
        if self.method == "S256":
            shown = urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
        return compare_digest(shown.encode(), self.value.encode())
