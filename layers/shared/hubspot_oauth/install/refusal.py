"""The refusal of an install: the page on which it ends, and the error that leads there."""

from collections.abc import Sequence
from dataclasses import dataclass

from hubspot_oauth.domain.errors import HubSpotOAuthError
from hubspot_oauth.install.cookies import Cookie


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an install ends without a grant, as its page says it.

    ``status`` is the page's HTTP status. With ``retry`` the page says how to start again.
    """

    code: str
    status: int
    title: str
    happened: str
    advice: str
    retry: bool = True


class InstallRefused(HubSpotOAuthError):
    """The install ends with the page of ``refusal``.

    Args:
        refusal: The stable code and the page's text.
        detail: Evidence for the log, never shown to the browser and never secret.
        missing_scopes: The requested scopes that HubSpot did not grant; the page names them.
    """

    def __init__(self, refusal: Refusal, detail: str = "", missing_scopes: Sequence[str] = ()) -> None:
        super().__init__(f"{refusal.code}: {detail}" if detail else refusal.code)
        self.refusal = refusal
        self.detail = detail
        self.missing_scopes = tuple(missing_scopes)
        #: Starts the same install again; may contain a signed install link. None if this browser cannot start it.
        self.retry_url: str | None = None
        self.cookies: tuple[Cookie, ...] = ()
