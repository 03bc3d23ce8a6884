"""Authorization codes: issued on consent, redeemed once, expired soon after."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest

from simulator.answers import OAuthError


@dataclass(frozen=True, slots=True)
class Challenge:
    """A PKCE code challenge (RFC 7636) of an authorization URL.

    HubSpot documents `code_verifier` for the token endpoint only. We assume that its consent page takes a challenge.
    """

    value: str
    method: str = "plain"

    def matches(self, verifier: str) -> bool:
        given = verifier
        if self.method == "S256":
            given = urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
        return compare_digest(given.encode(), self.value.encode())


@dataclass(slots=True)
class Code:
    """What the user agreed to; `expires_at` is in epoch seconds."""

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
    """Every code ever issued, so that an expired code gets its own error. Callers hold the simulator's lock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._codes: dict[str, Code] = {}

    def add(self, code: Code) -> Code:
        self._codes[code.value] = code
        return code

    def find(self, value: str) -> Code | None:
        """Find a code, spent and expired ones included."""
        return self._codes.get(value)

    def redeem(self, value: str, client_id: str, redirect_uri: str, verifier: str) -> Code:
        """Spend the code. A refused code stays unspent (assumed: HubSpot does not document it).

        Raises:
            OAuthError: The first error that applies, in the order of the checks below.
        """
        code = self._codes.get(value)
        if code is None or code.spent or code.client_id != client_id:
            raise OAuthError("BAD_AUTH_CODE")
        if self._clock() >= code.expires_at:
            raise OAuthError("EXPIRED_AUTH_CODE")
        if redirect_uri != code.redirect_uri:
            raise OAuthError("MISMATCH_REDIRECT_URI_AUTH_CODE")
        if code.challenge and not code.challenge.matches(verifier):
            raise OAuthError("BAD_CODE_VERIFIER")
        code.spent = True
        return code
