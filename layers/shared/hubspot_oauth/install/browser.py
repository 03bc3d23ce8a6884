"""The edge for people: API Gateway's events in, pages and redirects out."""

from collections.abc import Callable

from hubspot_oauth.adapters.api_gateway import Event, Response, host_of, query_of
from hubspot_oauth.adapters.aws import AWS_ERRORS, code_of, is_transient
from hubspot_oauth.adapters.telemetry import Report, logger
from hubspot_oauth.domain import refusals
from hubspot_oauth.domain.errors import InstallRefused, InvalidRequest
from hubspot_oauth.install.callback import InstalledPage, Landing, PendingPage
from hubspot_oauth.install.pages import Pages
from hubspot_oauth.install.start import Cookie, Redirect

_PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


def cookies_of(event: Event) -> dict[str, str]:
    """The cookies. Of two by one name the first counts, which is the more specific one."""
    pairs = (cookie.partition("=") for cookie in reversed(event.get("cookies") or []))
    return {name.strip(): value.strip() for name, _, value in pairs}


class Browser:
    """Answers people.

    Args:
        install_url: Where an install starts, for the given host.
    """

    def __init__(self, pages: Pages, install_url: Callable[[str], str], report: Report) -> None:
        self._pages = pages
        self._install_url = install_url
        self._report = report

    def answer(self, event: Event, action: Callable[[dict[str, str]], Landing]) -> Response:
        """Run ``action`` with the query; its landing, or the page of the refusal it raised."""
        try:
            return self._landing(event, action(query_of(event)))
        except InvalidRequest as error:
            return self._refused(event, InstallRefused(refusals.INVALID_REQUEST, error.detail))
        except InstallRefused as refused:
            return self._refused(event, refused)
        except AWS_ERRORS as error:
            if not is_transient(error):
                raise
            logger.exception("AWS does not answer")
            return self._refused(event, InstallRefused(refusals.INTERRUPTED, code_of(error)))

    def _landing(self, event: Event, landing: Landing) -> Response:
        if isinstance(landing, Redirect):
            return _redirect(landing)
        if isinstance(landing, InstalledPage):
            return self._page(200, self._pages.installed(landing.hub_id))
        if isinstance(landing, PendingPage):
            return self._page(200, self._pages.pending(), framed=_in_marketplace(event))
        return self._page(200, self._pages.start(landing.install_url))

    def _refused(self, event: Event, refused: InstallRefused) -> Response:
        refusal = refused.refusal
        self._report("InstallsRefused", code=refusal.code, detail=refused.detail)
        retry_url = refused.retry_url or self._install_url(host_of(event))
        page = self._pages.refused(refusal, retry_url, refused.missing_scopes)
        return self._page(refusal.status, page, framed=_in_marketplace(event))

    def _page(self, status: int, html: str, *, framed: bool = False) -> Response:
        return {"statusCode": status, "headers": {**_PRIVATE, **self._pages.headers(framed=framed)}, "body": html}


def _in_marketplace(event: Event) -> bool:
    """Whether this is the Marketplace's last step, which runs in HubSpot's iframe: its pages must be readable there."""
    return "step=finalize" in event.get("rawQueryString", "").split("&")


def _redirect(redirect: Redirect) -> Response:
    response: Response = {"statusCode": 302, "headers": {**_PRIVATE, "location": redirect.url}, "body": ""}
    if redirect.cookie:
        response["cookies"] = [_set_cookie(redirect.cookie)]
    return response


def _set_cookie(cookie: Cookie) -> str:
    flags = "; Secure" if cookie.secure else ""
    return f"{cookie.name}={cookie.value}; Path=/; Max-Age={cookie.max_age}; HttpOnly; SameSite=Lax{flags}"
