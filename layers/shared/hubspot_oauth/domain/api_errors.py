"""The errors of the API: each has an HTTP status and a stable code, and reaches the caller as problem JSON.

::

    Problem
    ├── InvalidRequest       400 invalid_request
    ├── NotSigned            403 not_signed: API Gateway has verified no signature
    ├── NoSuchRoute          404 no_such_route
    ├── AccountNotFound      404 account_not_found
    ├── InstallNeeded        409, with the URL that starts the install
    │   ├── NeedsReinstall       needs_reinstall: the grant is dead
    │   └── ScopesMissing        scopes_missing: the grant lacks scopes that the caller needs
    ├── TokenRejected        409 token_rejected
    ├── RefreshTokenRefused  409 refresh_token_refused
    ├── WrongAccount         409 wrong_account
    ├── AccountAlreadyLinked 409 account_already_linked
    ├── TokensUnreadable     500 tokens_unreadable: stored tokens cannot be unsealed; raises an alarm
    └── Unavailable          503
        ├── RefreshInProgress    refresh_in_progress
        ├── HubSpotUnavailable   hubspot_unavailable: HubSpot gives no token now
        ├── AppRefused           misconfigured: HubSpot refuses this app, not the account
        ├── NotConfigured        not_configured: the client secret has no value yet
        ├── VaultUnavailable     vault_unavailable: KMS refused or did not answer
        └── AwsUnavailable       aws_unavailable: another AWS service throttled, failed or did not answer

Every 503 has a Retry-After header except ``not_configured``, which lasts until an operator sets the secret. The
codes of the 500 and of each 503 except ``refresh_in_progress`` name the side at fault.
"""

from typing import ClassVar

from hubspot_oauth.domain.errors import HubSpotOAuthError


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


class NotSigned(Problem):
    """API Gateway has verified no signature, so the route's authorization is not what the template says."""

    status, code, title = 403, "not_signed", "The call is not signed"


class NoSuchRoute(Problem):
    """The path is not spelled like the route that API Gateway chose, for example with a slash at its end."""

    status, code, title = 404, "no_such_route", "No such route"


class AccountNotFound(Problem):
    """The app is not installed in this account, or the account is being disconnected."""

    status, code, title = 404, "account_not_found", "No such account"


class InstallNeeded(Problem):
    """Only an install in this account helps.

    Args:
        detail: One sentence for the person who reads the caller's log.
        hub_id: The account.
        members: Further members of the JSON object.
    """

    status = 409

    def __init__(self, detail: str, *, hub_id: int, **members: object) -> None:
        super().__init__(detail, retry_after=None, hub_id=hub_id, **members)
        self.hub_id = hub_id


class NeedsReinstall(InstallNeeded):
    """The grant is dead: it was revoked, the app was uninstalled, or the app's scopes changed."""

    code, title = "needs_reinstall", "The account must install the app again"


class ScopesMissing(InstallNeeded):
    """The account has not granted every scope that the caller needs. The member ``missing_scopes`` lists them."""

    code, title = "scopes_missing", "The account has not granted the scopes"


class TokenRejected(Problem):
    """HubSpot rejected a token that was just issued, so a new one would most likely be rejected too."""

    status, code, title = 409, "token_rejected", "A fresh token was rejected"


class Unavailable(Problem):
    """What was asked for cannot be had now."""

    status = 503


class RefreshInProgress(Unavailable):
    """The stored token has expired or was rejected, and a lease owner is refreshing it."""

    code, title = "refresh_in_progress", "The token is being refreshed"


class HubSpotUnavailable(Unavailable):
    """HubSpot gave no token on this try, or on an earlier try whose backoff has not ended."""

    code, title = "hubspot_unavailable", "HubSpot gives no token right now"


class AppRefused(Unavailable):
    """HubSpot refuses this app's own credentials or requests. The account is not the cause; the operator must act."""

    code, title = "misconfigured", "This app cannot refresh tokens right now"


class NotConfigured(Unavailable):
    """The client secret has no value yet; ``make secret`` sets it."""

    code, title = "not_configured", "The client secret is not set"

    def __init__(self) -> None:
        super().__init__("Set it with “make secret”.")


class VaultUnavailable(Unavailable):
    """KMS refused or did not answer.

    Args:
        detail: What could not be done.
        retry_after: Seconds.
        aws_code: AWS's error code.
    """

    code, title = "vault_unavailable", "The stored tokens cannot be opened or sealed right now"

    def __init__(self, detail: str, *, retry_after: int = 60, aws_code: str = "") -> None:
        super().__init__(f"{detail} {aws_code}".strip(), retry_after=retry_after)
        self.aws_code = aws_code


class AwsUnavailable(Unavailable):
    """An AWS service throttled the call, failed or did not answer; a retry may succeed."""

    code, title = "aws_unavailable", "AWS is slow or does not answer right now"


class RefreshTokenRefused(Problem):
    """HubSpot does not take a refresh token that is to be adopted, or it belongs to another app."""

    status, code, title = 409, "refresh_token_refused", "HubSpot does not take the refresh token"


class WrongAccount(Problem):
    """A refresh token that is to be adopted is of another account."""

    status, code, title = 409, "wrong_account", "The refresh token is of another account"


class AccountAlreadyLinked(Problem):
    """The account is linked to another ``client_reference_id``."""

    status, code, title = 409, "account_already_linked", "The account belongs to another customer"


class TokensUnreadable(Problem):
    """The stored tokens cannot be unsealed, and no retry helps.

    The row was altered, or was sealed for another app, account or install.
    """

    status, code, title = 500, "tokens_unreadable", "The stored tokens do not open"
