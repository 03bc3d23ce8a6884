"""The errors that a caller of this package may get.

::

    HubSpotOAuthError
    ├── SettingsError            the environment is wrong; names every fault at once
    ├── InstallRefused           an install ends on a page with a stable code (install/refusal.py)
    ├── Problem                  an API caller gets problem JSON with a stable code
    │   ├── InvalidRequest       400 invalid_request
    │   ├── AccountNotFound      404 account_not_found
    │   ├── NeedsReinstall       409 needs_reinstall, with the URL that starts the re-install
    │   ├── TokenRejected        409 token_rejected
    │   ├── TokensUnreadable     500 tokens_unreadable: stored tokens cannot be unsealed; raises an alarm
    │   ├── RefreshInProgress    503 refresh_in_progress
    │   ├── HubSpotUnavailable   503 hubspot_unavailable: HubSpot gives no token now
    │   ├── AppRefused           503 misconfigured: HubSpot refuses this app, not the account
    │   ├── NotConfigured        503 not_configured: the client secret has no value yet
    │   ├── VaultUnavailable     503 vault_unavailable: KMS refused or did not answer
    │   └── AwsUnavailable       503 aws_unavailable: another AWS service throttled, failed or was silent
    └── HubSpotError             a call to HubSpot failed
        ├── GrantDead            only a re-install helps
        ├── Misconfigured        HubSpot refuses our client or request; the grant may be alive
        │   └── AnswerForAnotherAccount     a token answer that names another account than the one asked for
        └── TryLater             HubSpot or the network; may carry Retry-After

Every 503 has a Retry-After header except ``not_configured``, which lasts until an operator sets the secret. No error
contains a token, an authorization code or a secret, so all of them may be logged.
"""

from enum import StrEnum
from typing import ClassVar


class HubSpotOAuthError(Exception):
    """Base class of the tree above."""


class SettingsError(HubSpotOAuthError):
    """The environment is missing or malformed; ``faults`` has one sentence for each fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class Fault(StrEnum):
    """The side at fault when there is no token. A row that backs off stores it, so that the token route can name it."""

    HUBSPOT = "hubspot"
    APP = "app"
    AWS = "aws"
    VAULT = "vault"
    TOKENS = "tokens"


class Problem(HubSpotOAuthError):
    """An error that an API caller receives as ``application/problem+json``.

    Args:
        detail: One sentence for the person who reads the caller's log.
        retry_after: Seconds for the Retry-After header, if any.
        members: Further members of the JSON object.
    """

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, detail: str, *, retry_after: int | None = None, **members: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        self.members = members


class InvalidRequest(Problem):
    """A path, query or body value is malformed."""

    status, code, title = 400, "invalid_request", "The request is malformed"


class AccountNotFound(Problem):
    """The app is not installed in this account, or the account is being disconnected."""

    status, code, title = 404, "account_not_found", "No such account"


class NeedsReinstall(Problem):
    """The grant is dead: revoked, uninstalled, or its scopes changed."""

    status, code, title = 409, "needs_reinstall", "The account must install the app again"


class TokenRejected(Problem):
    """HubSpot rejected a token that was just issued, so a new one would most likely be rejected too."""

    status, code, title = 409, "token_rejected", "A fresh token was rejected"


class RefreshInProgress(Problem):
    """The stored token has expired or was rejected, and another lease owner is refreshing it."""

    status, code, title = 503, "refresh_in_progress", "The token is being refreshed"


class HubSpotUnavailable(Problem):
    """HubSpot gave no token on this try, or on the try that the account now backs off from."""

    status, code, title = 503, "hubspot_unavailable", "HubSpot gives no token right now"


class AppRefused(Problem):
    """HubSpot refuses this app's own credentials or requests. The account is not the cause; the operator must act."""

    status, code, title = 503, "misconfigured", "HubSpot refuses this app"


class NotConfigured(Problem):
    """The client secret has no value yet; ``make secret`` sets it."""

    status, code, title = 503, "not_configured", "The client secret is not set"

    def __init__(self) -> None:
        super().__init__("Set it with “make secret”.")


class VaultUnavailable(Problem):
    """KMS refused or did not answer.

    Args:
        detail: What could not be done.
        retry_after: Seconds.
        aws_code: AWS's error code.
    """

    status, code, title = 503, "vault_unavailable", "The stored tokens cannot be opened or sealed right now"

    def __init__(self, detail: str, *, retry_after: int = 5, aws_code: str = "") -> None:
        super().__init__(f"{detail} {aws_code}".strip(), retry_after=retry_after)
        self.aws_code = aws_code


class AwsUnavailable(Problem):
    """An AWS service throttled the call, failed or did not answer; a retry may succeed."""

    status, code, title = 503, "aws_unavailable", "AWS does not answer right now"


class TokensUnreadable(Problem):
    """The stored tokens cannot be unsealed, and no retry helps.

    The row was altered, or was sealed for another app, account or install.
    """

    status, code, title = 500, "tokens_unreadable", "The stored tokens do not open"


class HubSpotError(HubSpotOAuthError):
    """A call to HubSpot failed.

    Args:
        code: HubSpot's ``status``, else its ``error``, else a code of our own (``timeout``, ``http_502``).
        http_status: The HTTP status, 0 when there was no answer.
        retry_after: Seconds HubSpot asked for, if it did.
    """

    fault: ClassVar[Fault] = Fault.HUBSPOT

    def __init__(self, code: str, http_status: int = 0, retry_after: int | None = None) -> None:
        super().__init__(f"{code} (HTTP {http_status})" if http_status else code)
        self.code = code
        self.http_status = http_status
        self.retry_after = retry_after


class GrantDead(HubSpotError):
    """The grant or the authorization code is refused for good."""


class Misconfigured(HubSpotError):
    """HubSpot refuses our client id, secret, redirect URL or request, or answers with an unknown error code.

    The answer says nothing about the grant, which may be alive.
    """

    fault = Fault.APP

    #: Error codes that can only mean a wrong client id or secret.
    CLIENT_LEVEL = frozenset({"BAD_CLIENT_ID", "BAD_CLIENT_SECRET", "invalid_client"})

    @property
    def client_level(self) -> bool:
        """Whether the client id or secret itself was refused."""
        return self.code in self.CLIENT_LEVEL


class AnswerForAnotherAccount(Misconfigured):
    """The answer names another account. Its tokens are never stored, handed out or used."""

    fault = Fault.HUBSPOT

    def __init__(self) -> None:
        super().__init__("answer_for_another_account", 200)


class TryLater(HubSpotError):
    """A retry may succeed after this time-out, reset connection, 5xx, rate limit or unparsable answer."""
