"""The refusal of an install: the page on which it ends, and the error that leads there."""

from collections.abc import Sequence
from dataclasses import dataclass

from hubspot_oauth.domain.errors import HubSpotOAuthError
from hubspot_oauth.install.cookies import Cookie


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an install ends without a grant, as its page says it.

    ``status`` is the page's HTTP status. With ``retry`` the page says how to start again. ``{app}`` stands for the
    app's name.
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
        hub_id: The account that HubSpot named.
        wanted_hub_id: The account that the install link is for. The page names both.
    """

    def __init__(
        self,
        refusal: Refusal,
        detail: str = "",
        *,
        missing_scopes: Sequence[str] = (),
        hub_id: int | None = None,
        wanted_hub_id: int | None = None,
    ) -> None:
        super().__init__(f"{refusal.code}: {detail}" if detail else refusal.code)
        self.refusal = refusal
        self.detail = detail
        self.missing_scopes = tuple(missing_scopes)
        self.hub_id = hub_id
        self.wanted_hub_id = wanted_hub_id
        #: Where the install came from, on one of the allowed sites; None if that is not known.
        self.back_url: str | None = None
        #: Starts the same install again; may contain a signed install link. None if this browser cannot start it.
        self.retry_url: str | None = None
        self.cookies: tuple[Cookie, ...] = ()
