"""Turns errors into problem JSON (RFC 9457) for the routes that programs call."""

from collections.abc import Callable
from dataclasses import dataclass

from hubspot_oauth.adapters.api_gateway import Event, Query, Response, host_of, json_answer, query_of
from hubspot_oauth.adapters.aws import AWS_ERRORS, code_of, is_transient
from hubspot_oauth.adapters.telemetry import logger
from hubspot_oauth.domain.api_errors import AwsUnavailable, NeedsReinstall, Problem
from hubspot_oauth.domain.refresh_timing import BACKOFF_FIRST_SECONDS
from hubspot_oauth.domain.settings import Settings


@dataclass(kw_only=True)
class Problems:
    settings: Settings

    def answer(self, event: Event, action: Callable[[Query], Response]) -> Response:
        """Run ``action`` with the query; return its answer, or problem JSON if it raised.

        Only a Problem and a transient AWS error become problem JSON. Every log line of the request names the caller.
        """
        signed = event["requestContext"].get("authorizer", {}).get("iam", {})
        logger.append_keys(caller=signed.get("userArn"))
        try:
            return action(query_of(event))
        except Problem as problem:
            return self._problem(event, problem)
        except AWS_ERRORS as error:
            if not is_transient(error):
                raise
            logger.exception("AWS does not answer")
            said = AwsUnavailable(f"AWS said {code_of(error)}.", retry_after=BACKOFF_FIRST_SECONDS)
            return self._problem(event, said)

    def _problem(self, event: Event, problem: Problem) -> Response:
        logger.info("problem", code=problem.code, detail=problem.detail)
        content = {
            "type": "about:blank",
            "title": problem.title,
            "status": problem.status,
            "code": problem.code,
            "detail": problem.detail,
            **problem.members,
        }
        if isinstance(problem, NeedsReinstall):
            content["install_url"] = f"{self.settings.install_url(host_of(event))}?hub_id={problem.members['hub_id']}"
        response = json_answer(problem.status, content)
        response["headers"]["content-type"] = "application/problem+json"
        if problem.retry_after is not None:
            response["headers"]["retry-after"] = str(problem.retry_after)
        return response
