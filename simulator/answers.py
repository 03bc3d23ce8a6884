"""What an endpoint answers, and how HubSpot words its refusals."""

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


BAD_REQUEST = 400

# status -> (error, description)
ERRORS: dict[str, tuple[str, str]] = {
    "BAD_REFRESH_TOKEN": ("invalid_grant", "missing or invalid refresh token"),
    "BAD_AUTH_CODE": ("invalid_grant", "missing or unknown auth code"),
    "EXPIRED_AUTH_CODE": ("invalid_grant", "auth code has expired"),
    "MISMATCH_REDIRECT_URI_AUTH_CODE": ("invalid_grant", "redirect uri does not match the one used to authorize"),
    "BAD_REDIRECT_URI": ("invalid_request", "missing or unregistered redirect uri"),
    "BAD_CLIENT_ID": ("invalid_request", "missing or unknown client id"),
    "BAD_CLIENT_SECRET": ("invalid_client", "missing or invalid client secret"),  # `error` assumed
    "BAD_GRANT_TYPE": ("unsupported_grant_type", "missing or unsupported grant type"),  # `error` assumed
    "BAD_CODE_VERIFIER": ("invalid_grant", "code verifier does not match the code challenge"),  # `error` assumed
    "BAD_SCOPES": ("invalid_scope", "the scopes have changed, authorize the app again"),  # `error` assumed
    "BAD_HUB": ("access_denied", "the account does not exist or is disconnected"),
}


class OAuthError(Exception):
    """A refusal of an OAuth endpoint, named by its documented `status`."""

    def __init__(self, status: str, hub_id: int | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.hub_id = hub_id

    def answer(self) -> Answer:
        """HTTP 400 with the body HubSpot documents."""
        error, description = ERRORS[self.status]
        body = {"error": error, "error_description": description, "status": self.status, "message": description}
        return Answer(BAD_REQUEST, body, outcome=self.status, hub_id=self.hub_id)
