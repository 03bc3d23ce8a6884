"""Answers requests to ``/install`` and to the redirect URL with pages and redirects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hubspot_oauth.adapters.api_gateway import Event, Query, Response, host_of, method_of, query_of
from hubspot_oauth.adapters.aws import AWS_ERRORS, code_of, is_transient
from hubspot_oauth.adapters.telemetry import Report, logger
from hubspot_oauth.domain.api_errors import InvalidRequest
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.install import refusal_texts
from hubspot_oauth.install.browser_landing import InstalledPage, Landing, PendingPage, Redirect, StartPage
from hubspot_oauth.install.callback import Callback
from hubspot_oauth.install.cookies import Cookie, cookies_of
from hubspot_oauth.install.machines import is_machine
from hubspot_oauth.install.pages import Pages
from hubspot_oauth.install.parsed_queries import Arrival, Start
from hubspot_oauth.install.refusal import InstallRefused
from hubspot_oauth.install.start import Starter

_PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


@dataclass(kw_only=True)
class BrowserAnswers:
    """Turns landings and refusals into responses."""

    settings: Settings
    pages: Pages
    report: Report

    def answer(self, event: Event, action: Callable[[Query], Landing]) -> Response:
        """Run ``action`` with the query; return its landing, or the page of the refusal it raised."""
        try:
            return self._landing(event, action(query_of(event)))
        except InvalidRequest as error:
            return self._refused(event, InstallRefused(refusal_texts.INVALID_REQUEST, error.detail))
        except InstallRefused as refused:
            return self._refused(event, refused)
        except AWS_ERRORS as error:
            if not is_transient(error):
                raise
            logger.exception("AWS does not answer")
            return self._refused(event, InstallRefused(refusal_texts.INTERRUPTED, code_of(error)))

    def answer_machine(self, event: Event, landing: StartPage | PendingPage) -> Response:
        """Show a page to a machine. Nothing is counted, and a HEAD request gets the headers alone."""
        response = self._landing(event, landing)
        return {**response, "body": ""} if method_of(event) == "HEAD" else response

    def _landing(self, event: Event, landing: Landing) -> Response:
        if isinstance(landing, Redirect):
            return _redirect(landing)
        if isinstance(landing, InstalledPage):
            return self._page(200, self.pages.installed(landing.hub_id, landing.hub_domain), landing.cookies)
        if isinstance(landing, PendingPage):
            return self._page(200, self.pages.pending(), framed=_in_marketplace(event))
        return self._page(200, self.pages.start(landing.install_url))

    def _refused(self, event: Event, refused: InstallRefused) -> Response:
        refusal = refused.refusal
        self.report("InstallsRefused", code=refusal.code, detail=refused.detail)
        page = self.pages.refused(refused)
        # Clickjacking: a page whose link carries a customer, an account or a return_to must not be framed.
        framed = _in_marketplace(event) and refused.retry_url in (None, self.settings.install_url(host_of(event)))
        return self._page(refusal.status, page, refused.cookies, framed=framed)

    def _page(self, status: int, html: str, cookies: Sequence[Cookie] = (), *, framed: bool = False) -> Response:
        headers = {**_PRIVATE, **self.pages.headers(framed=framed)}
        return _with_cookies({"statusCode": status, "headers": headers, "body": html}, cookies)


@dataclass(kw_only=True)
class StartRoute:
    """``GET /install``. It builds no DynamoDB and no KMS client, because only the callback needs them."""

    settings: Settings
    starter: Starter
    browser_answers: BrowserAnswers
    report: Report

    def answer(self, event: Event) -> Response:
        """Redirect to HubSpot, or show the page of a refusal. A machine gets a page that links to the same start."""
        if is_machine(event):
            same = f"{self.settings.install_url(host_of(event))}?{event.get('rawQueryString', '')}"
            return self.browser_answers.answer_machine(event, StartPage(same.removesuffix("?")))

        def begin(query: Query) -> Redirect:
            redirect = self.starter.start(Start.parse(host_of(event), query, cookies_of(event)))
            if redirect.cookies:
                self.report("InstallsStarted")
            return redirect

        return self.browser_answers.answer(event, begin)


@dataclass(kw_only=True)
class CallbackRoute:
    """The redirect URL's route, by default ``GET /oauth-callback``."""

    settings: Settings
    callback: Callback
    browser_answers: BrowserAnswers

    def answer(self, event: Event) -> Response:
        """Finish the install; return its landing, or the page of a refusal. A machine spends no code.

        A browser may show a person what it has fetched ahead, so the page links to the same URL.
        """
        if is_machine(event):
            start = StartPage(self.settings.install_url(host_of(event)))
            return self.browser_answers.answer_machine(event, PendingPage() if event.get("rawQueryString") else start)

        def arrive(query: Query) -> Landing:
            return self.callback.arrive(Arrival.parse(host_of(event), query, cookies_of(event)))

        return self.browser_answers.answer(event, arrive)


def _in_marketplace(event: Event) -> bool:
    """Whether this is the Marketplace's last step. It runs in HubSpot's iframe, so its pages must allow framing."""
    return "step=finalize" in event.get("rawQueryString", "").split("&")


def _redirect(redirect: Redirect) -> Response:
    response: Response = {"statusCode": 302, "headers": {**_PRIVATE, "location": redirect.url}, "body": ""}
    return _with_cookies(response, redirect.cookies)


def _with_cookies(response: Response, cookies: Sequence[Cookie]) -> Response:
    return {**response, "cookies": [cookie.header() for cookie in cookies]} if cookies else response
