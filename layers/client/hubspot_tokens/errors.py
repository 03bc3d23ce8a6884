"""What can go wrong when a token is asked for.

::

    TokenError               every error of this package
    ├── AccountNotFound      the app is not installed in the account
    ├── InstallNeeded        only an install by an admin of the account helps: send one to .install_url
    │   ├── ReinstallRequired    the grant is dead: revoked, uninstalled, or the app's scopes changed
    │   └── ScopesMissing        the account has not granted .missing_scopes
    ├── TokenRejected        HubSpot rejected a token that was issued moments ago; another would be rejected too
    ├── Unavailable          no token now; ask again after .retry_after seconds
    ├── NotAllowed           IAM does not allow this caller to ask, or the signature is not valid
    ├── NotConfigured        the address, the region or the AWS credentials are missing or wrong
    └── Refused              the service refuses the request, or cannot open the stored tokens; asking again is no help
"""


class TokenError(Exception):
    """An error of this package. No error contains a token or a credential.

    Attributes:
        code: The service's stable code, or one of this package's: ``http_N`` for an answer without a code,
            ``no_answer``, ``no_credentials``, ``not_allowed``, ``not_configured``.
    """

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class AccountNotFound(TokenError):
    """The app is not installed in the account, or the account is being disconnected."""


class InstallNeeded(TokenError):
    """Only an install by an admin of the account helps.

    Attributes:
        install_url: Where to send the admin.
    """

    def __init__(self, message: str, *, code: str = "", install_url: str = "") -> None:
        super().__init__(message, code=code)
        self.install_url = install_url


class ReinstallRequired(InstallNeeded):
    """The grant is dead: it was revoked, the app was uninstalled, or the app's scopes changed."""


class ScopesMissing(InstallNeeded):
    """The account has not granted every scope that was asked for.

    Attributes:
        missing_scopes: Those that are missing.
    """

    def __init__(
        self, message: str, *, code: str = "", install_url: str = "", missing_scopes: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, code=code, install_url=install_url)
        self.missing_scopes = missing_scopes


class TokenRejected(TokenError):
    """HubSpot rejected a token that was issued moments ago, so another one would be rejected too."""


class Unavailable(TokenError):
    """There is no token now: the service, HubSpot or AWS does not answer, or asks to wait.

    Attributes:
        retry_after: Seconds to wait before asking again.
    """

    def __init__(self, message: str, *, code: str = "", retry_after: float = 1.0) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class NotAllowed(TokenError):
    """IAM does not allow this caller to ask for this token, or the signature is not valid."""


class NotConfigured(TokenError):
    """The service's address, the region or the AWS credentials are missing or wrong."""


class Refused(TokenError):
    """The service refuses the request, or cannot open the stored tokens. Asking again does not help."""
