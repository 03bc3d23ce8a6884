"""The error tree, which is the specification of what can go wrong.

::

    HubSpotOAuthError
    ├── SettingsError            the environment is wrong; names every fault at once
    ├── InstallRefused           an install ends on a page with a stable code (refusals.py)
    ├── Problem                  an API caller gets problem JSON with a stable code
    │   ├── InvalidRequest       400 invalid_request
    │   ├── AccountNotFound      404 account_not_found
    │   ├── NeedsReinstall       409 needs_reinstall, with the link that mends it
    │   ├── TokenRejected        409 token_rejected
    │   ├── TokensUnreadable     500 tokens_unreadable: a stored row does not open; rings an alarm
    │   ├── RefreshInProgress    503 refresh_in_progress
    │   ├── HubSpotUnavailable   503 hubspot_unavailable: HubSpot gives no token now
    │   ├── AppRefused           503 misconfigured: HubSpot refuses this app, not the account
    │   ├── NotConfigured        503 not_configured: the client secret has no value yet
    │   ├── VaultUnavailable     503 vault_unavailable: KMS refused or did not answer
    │   └── AwsUnavailable       503 aws_unavailable: another AWS service did not do its part
    └── HubSpotError             what HubSpot's token endpoint answered
        ├── GrantDead            only a re-install helps
        ├── Misconfigured        our client id, secret or settings are wrong; the grant may be alive
        │   └── WrongAccount     a token answer that names another account than the one asked for
        └── TryLater             HubSpot or the network; may carry Retry-After

Each 503 carries Retry-After, besides ``not_configured``, which an operator must end. Errors carry evidence, never a
token, code or secret.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar

from hubspot_oauth.domain.refusals import Refusal


class HubSpotOAuthError(Exception):
    """The root of what a caller of this package may meet."""


class SettingsError(HubSpotOAuthError):
    """The environment is missing or malformed; ``faults`` has one sentence for each fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class Fault(StrEnum):
    """The side at fault when there is no token. A row that backs off remembers it, so that a caller is told."""

    HUBSPOT = "hubspot"
    APP = "app"
    AWS = "aws"
    VAULT = "vault"
    TOKENS = "tokens"


class InstallRefused(HubSpotOAuthError):
    """An install ends here, on the page of ``refusal``.

    Args:
        refusal: What happened and what to do, with the stable code.
        detail: Evidence for the log, never shown to the browser and never secret.
        missing_scopes: The required scopes that HubSpot did not grant; the page names them.
    """

    def __init__(self, refusal: Refusal, detail: str = "", missing_scopes: Sequence[str] = ()) -> None:
        super().__init__(f"{refusal.code}: {detail}" if detail else refusal.code)
        self.refusal = refusal
        self.detail = detail
        self.missing_scopes = tuple(missing_scopes)
        self.retry_url: str | None = None  # starts the very same install again; may carry a signed link


class Problem(HubSpotOAuthError):
    """An answer to an API caller as ``application/problem+json``.

    Args:
        detail: One sentence for the person who reads the caller's log.
        retry_after: Seconds, for a 503.
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
    """No install is known for this hub_id."""

    status, code, title = 404, "account_not_found", "No such account"


class NeedsReinstall(Problem):
    """The grant is dead: revoked, uninstalled, or its scopes changed."""

    status, code, title = 409, "needs_reinstall", "The account must install the app again"


class TokenRejected(Problem):
    """The caller's token was rejected though it is fresh: another token would fare no better."""

    status, code, title = 409, "token_rejected", "A fresh token was rejected"


class RefreshInProgress(Problem):
    """The token has expired and someone else is replacing it."""

    status, code, title = 503, "refresh_in_progress", "The token is being refreshed"


class HubSpotUnavailable(Problem):
    """HubSpot does not answer, asks to wait, or did so moments ago."""

    status, code, title = 503, "hubspot_unavailable", "HubSpot gives no token right now"


class AppRefused(Problem):
    """HubSpot refuses this app's own credentials or requests. The account is not the cause; the operator must act."""

    status, code, title = 503, "misconfigured", "HubSpot refuses this app"


class NotConfigured(Problem):
    """The client secret has no value yet: the operator has not run the command that sets it."""

    status, code, title = 503, "not_configured", "The client secret is not set"

    def __init__(self) -> None:
        super().__init__("Set it with “make secret”.")


class VaultUnavailable(Problem):
    """KMS refused or did not answer.

    Args:
        detail: What could not be done.
        retry_after: Seconds.
        aws_code: AWS's word for why.
    """

    status, code, title = 503, "vault_unavailable", "The stored tokens cannot be opened or sealed right now"

    def __init__(self, detail: str, *, retry_after: int = 5, aws_code: str = "") -> None:
        super().__init__(f"{detail} {aws_code}".strip(), retry_after=retry_after)
        self.aws_code = aws_code


class AwsUnavailable(Problem):
    """An AWS service did not do its part, and may in a moment: throttled, a fault of its own, or no answer."""

    status, code, title = 503, "aws_unavailable", "AWS does not answer right now"


class TokensUnreadable(Problem):
    """A stored row does not open: altered, or sealed for another app, account or install. No retry helps."""

    status, code, title = 500, "tokens_unreadable", "The stored tokens do not open"


class HubSpotError(HubSpotOAuthError):
    """HubSpot's token endpoint did not give tokens.

    Args:
        code: HubSpot's ``status``, else its ``error``, else a word of ours (``timeout``, ``http_502``).
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
    """HubSpot refuses *us*: client id, secret, redirect URL or request shape. No grant is dead by this."""

    fault = Fault.APP

    #: Codes that are about the client and can only mean a wrong client id or secret.
    CLIENT_LEVEL = frozenset({"BAD_CLIENT_ID", "BAD_CLIENT_SECRET", "invalid_client"})

    @property
    def client_level(self) -> bool:
        """Whether the client id or secret itself was refused."""
        return self.code in self.CLIENT_LEVEL


class WrongAccount(Misconfigured):
    """The answer names another account. Its tokens are never stored, handed out or used."""

    fault = Fault.HUBSPOT

    def __init__(self) -> None:
        super().__init__("answer_for_another_account", 200)


class TryLater(HubSpotError):
    """A time-out, a reset, a 5xx, a rate limit, an answer that does not parse."""
