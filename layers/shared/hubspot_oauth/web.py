"""The edge: API Gateway's events in, responses out. The one place that turns outcomes and errors into HTTP."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from aws_lambda_powertools.utilities.typing import LambdaContext

from hubspot_oauth import refusals
from hubspot_oauth.aws import AWS_ERRORS, code_of, passes
from hubspot_oauth.callback import InstalledPage, Landing, PendingPage
from hubspot_oauth.errors import AwsUnavailable, InstallRefused, InvalidRequest, NotConfigured, Problem
from hubspot_oauth.observe import Report, logger
from hubspot_oauth.pages import Pages
from hubspot_oauth.start import Cookie, Redirect
from hubspot_oauth.urls import parse_hub_id

Event = Mapping[str, Any]
Response = dict[str, Any]

_MOST_PARAMETERS = 40
_PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


def host_of(event: Event) -> str:
    """The host name the request came in by. API Gateway says it; the Host header is the browser's word only."""
    return str(event["requestContext"]["domainName"])


def query_of(event: Event) -> dict[str, str]:
    """The query, each parameter once.

    Raises:
        InvalidRequest: A parameter stands there twice, or there are too many.
    """
    try:
        pairs = parse_qsl(event.get("rawQueryString", ""), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise InvalidRequest("The query has too many parameters.") from None
    query = dict(pairs)
    if len(query) != len(pairs):
        raise InvalidRequest("A query parameter is given twice.")
    return query


def cookies_of(event: Event) -> dict[str, str]:
    """The cookies. Of two by one name the first counts, which is the more specific one."""
    pairs = (cookie.partition("=") for cookie in reversed(event.get("cookies") or []))
    return {name.strip(): value.strip() for name, _, value in pairs}


def hub_id_of(event: Event) -> int:
    """The ``{hub_id}`` of the path.

    Raises:
        InvalidRequest: It is not an account's number.
    """
    hub_id = parse_hub_id((event.get("pathParameters") or {}).get("hub_id", ""))
    if hub_id is None:
        raise InvalidRequest("hub_id is not an account's number.", field="hub_id")
    return hub_id


def remaining_of(context: LambdaContext) -> Callable[[], float]:
    """Seconds this invocation may still run."""
    return lambda: float(context.get_remaining_time_in_millis()) / 1000


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
            if not passes(error):
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
        page = self._pages.refused(refusal, retry_url)
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


def json_answer(status: int, content: Mapping[str, object]) -> Response:
    """A JSON answer that nobody may keep."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": json.dumps(content),
    }


def api(event: Event, action: Callable[[dict[str, str]], Response], install_url: Callable[[str], str]) -> Response:
    """Run ``action`` with the query; its answer, or problem JSON (RFC 9457) for the Problem it raised.

    ``install_url`` makes the link that mends a 409 ``needs_reinstall``. Every line of the log names the caller.
    """
    signed = event["requestContext"].get("authorizer", {}).get("iam", {})
    logger.append_keys(caller=signed.get("userArn"))
    try:
        return action(query_of(event))
    except Problem as problem:
        return _problem(event, problem, install_url)
    except NotConfigured:
        return _plain_problem(503, "not_configured", "The client secret is not set", "Set it with “make secret”.")
    except AWS_ERRORS as error:
        if not passes(error):
            raise
        logger.exception("AWS does not answer")
        return _problem(event, AwsUnavailable(f"AWS said {code_of(error)}.", retry_after=5), install_url)


def _problem(event: Event, problem: Problem, install_url: Callable[[str], str]) -> Response:
    members = dict(problem.members)
    if problem.code == "needs_reinstall":
        members["install_url"] = f"{install_url(host_of(event))}?hub_id={members['hub_id']}"
    logger.info("problem", code=problem.code, detail=problem.detail)
    response = _plain_problem(problem.status, problem.code, problem.title, problem.detail, members)
    if problem.retry_after is not None:
        response["headers"]["retry-after"] = str(problem.retry_after)
    return response


def _plain_problem(
    status: int, code: str, title: str, detail: str, members: Mapping[str, object] | None = None
) -> Response:
    content = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail}
    response = json_answer(status, {**content, **(members or {})})
    response["headers"]["content-type"] = "application/problem+json"
    return response
