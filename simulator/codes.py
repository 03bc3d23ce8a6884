"""Authorization codes: issued on consent, redeemed once, dead after a short time."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest

from simulator.answers import OAuthError


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


@dataclass(slots=True)
class Code:
    """What the person at the consent page agreed to; `expires_at` in Unix seconds."""

    value: str = field(repr=False)
    client_id: str
    redirect_uri: str
    hub_id: int
    user_id: int
    scopes: tuple[str, ...]
    expires_at: float
    challenge: Challenge | None = field(default=None, repr=False)
    spent: bool = False


class Codes:
    """Every code ever issued: a spent or expired one still has to be recognised."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._codes: dict[str, Code] = {}

    def keep(self, code: Code) -> Code:
        """Remember a new code."""
        self._codes[code.value] = code
        return code

    def find(self, value: str) -> Code | None:
        """The code with this value, whatever its state."""
        return self._codes.get(value)

    def redeem(self, value: str, client_id: str, redirect_uri: str, verifier: str) -> Code:
        """Spend the code; a refusal leaves it unspent (assumed: HubSpot does not say)."""
        code = self._codes.get(value)
        if code is None or code.spent or code.client_id != client_id:
            raise OAuthError("BAD_AUTH_CODE", code.hub_id if code else None)
        if self._clock() >= code.expires_at:
            raise OAuthError("EXPIRED_AUTH_CODE", code.hub_id)
        if redirect_uri != code.redirect_uri:
            raise OAuthError("MISMATCH_REDIRECT_URI_AUTH_CODE", code.hub_id)
        if code.challenge and not code.challenge.is_met_by(verifier):
            raise OAuthError("BAD_CODE_VERIFIER", code.hub_id)
        code.spent = True
        return code
