"""The edge: API Gateway's events in, JSON out. What an API caller's outcomes and errors are in HTTP."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from aws_lambda_powertools.utilities.typing import LambdaContext

from hubspot_oauth.aws import AWS_ERRORS, code_of, is_transient
from hubspot_oauth.errors import AwsUnavailable, InvalidRequest, NotConfigured, Problem
from hubspot_oauth.observe import logger
from hubspot_oauth.urls import parse_hub_id

Event = Mapping[str, Any]
Response = dict[str, Any]

_MOST_PARAMETERS = 40


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
        if not is_transient(error):
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
