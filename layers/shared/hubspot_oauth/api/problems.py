"""Answers for programs: JSON, and problem JSON (RFC 9457) for what went wrong."""

from collections.abc import Callable, Mapping

from hubspot_oauth.adapters.api_gateway import Event, Response, host_of, json_answer, query_of
from hubspot_oauth.adapters.aws import AWS_ERRORS, code_of, is_transient
from hubspot_oauth.adapters.telemetry import logger
from hubspot_oauth.domain.errors import AwsUnavailable, NotConfigured, Problem


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
