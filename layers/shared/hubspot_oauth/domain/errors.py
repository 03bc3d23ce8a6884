"""The errors that a caller of this package may get.

::

    HubSpotOAuthError
    ├── SettingsError            the environment is wrong; names every fault at once
    ├── InstallRefused           an install ends on a page with a stable code (install/refusal.py)
    ├── Problem                  an API caller gets problem JSON with a stable code (api_errors.py)
    └── HubSpotError             a call to HubSpot failed
        ├── GrantDead            HubSpot refused the grant or the code; if it stays so, only a re-install helps
        ├── Misconfigured        HubSpot refuses our client or request; the grant may be alive
        │   └── AnswerForAnotherAccount     a token answer that names another account than the one asked for
        └── TryLater             HubSpot or the network; may carry Retry-After

No error contains a token, an authorization code or a secret, so all of them may be logged.
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
    SETUP = "setup"
    AWS = "aws"
    VAULT = "vault"
    TOKENS = "tokens"


class HubSpotError(HubSpotOAuthError):
    """A call to HubSpot failed.

    Args:
        code: HubSpot's ``status``, else its ``error``, else a code of our own (``timeout``, ``http_502``).
        http_status: The HTTP status, 0 when there was no answer.
        retry_after: Seconds HubSpot asked for, if it did.

    Attributes:
        secret_version: The version of the client secret that the call was sent with; empty if it was sent with none.
    """

    fault: ClassVar[Fault] = Fault.HUBSPOT

    def __init__(self, code: str, http_status: int = 0, retry_after: int | None = None) -> None:
        super().__init__(f"{code} (HTTP {http_status})" if http_status else code)
        self.code = code
        self.http_status = http_status
        self.retry_after = retry_after
        self.secret_version = ""


class GrantDead(HubSpotError):
    """HubSpot refused the grant or the authorization code.

    One such answer may be a hiccup. ``refresh/verdict.py`` decides when it marks an account dead.
    """


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
    """A time-out, reset connection, 5xx, rate limit, or incomplete or malformed answer. A retry may succeed."""
