"""What an endpoint answers, and the errors HubSpot answers with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, ParamSpec

P = ParamSpec("P")
BAD_REQUEST = 400

# `status` -> (`error`, description). HubSpot does not document the rows marked "assumed".
ERRORS: dict[str, tuple[str, str]] = {
    "BAD_REFRESH_TOKEN": ("invalid_grant", "refresh token is invalid, expired or revoked"),
    "BAD_AUTH_CODE": ("invalid_grant", "missing or unknown auth code"),
    "EXPIRED_AUTH_CODE": ("invalid_grant", "auth code has expired"),
    "MISMATCH_REDIRECT_URI_AUTH_CODE": ("invalid_grant", "redirect uri does not match the one used to authorize"),
    "BAD_REDIRECT_URI": ("invalid_request", "missing or unregistered redirect uri"),
    "BAD_CLIENT_ID": ("invalid_request", "missing or unknown client id"),
    "BAD_CLIENT_SECRET": ("invalid_client", "missing or invalid client secret"),  # `error` assumed
    "BAD_GRANT_TYPE": ("unsupported_grant_type", "missing or unsupported grant type"),  # `error` assumed
    "BAD_CODE_VERIFIER": ("invalid_grant", "code verifier does not match the code challenge"),  # `error` assumed
    "BAD_SCOPES": ("invalid_scope", "the scopes have changed, authorize the app again"),  # `error` assumed
    "BAD_HUB": ("access_denied", "missing or unknown hub id"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` None sends no body; `outcome` goes into the journal."""

    status: int
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    outcome: str = "ok"


class ErrorAnswer(Exception):
    """Ends a call with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.outcome)
        self.answer = answer


class OAuthError(ErrorAnswer):
    """An error of the OAuth endpoints, named by its documented `status`: a key of ERRORS."""

    def __init__(self, status: str) -> None:
        error, description = ERRORS[status]
        # The category is assumed: HubSpot documents that there is one.
        body = error_body(description, "VALIDATION_ERROR", status=status, error=error, error_description=description)
        super().__init__(Answer(BAD_REQUEST, body, outcome=status))


class DataError(ErrorAnswer):
    """An error of the data API, named by its `category`."""

    def __init__(self, status: int, category: str, message: str) -> None:
        super().__init__(Answer(status, error_body(message, category), outcome=category))


def error_body(message: str, category: str, **others: str) -> dict[str, str]:
    """An error's members; `status` is "error" unless given. `correlationId` is added when the answer is rendered."""
    return {"status": "error", "message": message, "category": category} | others


def answers_errors(endpoint: Callable[P, Answer]) -> Callable[P, Answer]:
    """Return the answer of an ErrorAnswer raised in the decorated endpoint."""

    @wraps(endpoint)
    def answered(*args: P.args, **kwargs: P.kwargs) -> Answer:
        try:
            return endpoint(*args, **kwargs)
        except ErrorAnswer as error:
            return error.answer

    return answered
