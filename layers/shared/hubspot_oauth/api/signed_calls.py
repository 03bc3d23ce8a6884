"""Answers the routes that IAM protects: checks that it did, turns errors into problem JSON, and logs who called.

API Gateway verifies the signature and the caller's policy, and says so in the event. A route whose authorization was
taken away would call the function all the same, so a call without that word is refused. So is a path that is not
spelled like the route: the policy was compared with another string.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hubspot_oauth.adapters.api_gateway import (
    Event,
    Query,
    Response,
    caller_of,
    host_of,
    is_spelled_like_its_route,
    json_answer,
    named_hub_id,
    query_of,
)
from hubspot_oauth.adapters.aws import AWS_ERRORS, code_of, is_transient
from hubspot_oauth.adapters.telemetry import audit, logger
from hubspot_oauth.domain.api_errors import AwsUnavailable, InstallNeeded, NoSuchRoute, NotSigned, Problem
from hubspot_oauth.domain.refresh_timing import BACKOFF_FIRST_SECONDS
from hubspot_oauth.domain.settings import Settings


@dataclass(kw_only=True)
class SignedCalls:
    settings: Settings

    def answer(self, event: Event, action: Callable[[Query], Response]) -> Response:
        """Run ``action`` with the query; return its answer, or problem JSON (RFC 9457) if it raised.

        Only a Problem and a transient AWS error become problem JSON. Every log line of the request names the caller,
        and one line says what came of it.
        """
        logger.append_keys(caller=caller_of(event))
        outcome: dict[str, Any] = {"outcome": "crashed"}
        try:
            response = self._checked(event, action)
            outcome = {"outcome": "ok", "status": response["statusCode"]}
        except Problem as problem:
            response = self._problem(event, problem)
            outcome = {"outcome": problem.code, "status": problem.status, "detail": problem.detail}
        finally:
            audit.info("signed call", extra={**_about(event), **outcome})
        return response

    def _checked(self, event: Event, action: Callable[[Query], Response]) -> Response:
        if caller_of(event) is None:
            raise NotSigned("API Gateway has verified no signature.")
        if not is_spelled_like_its_route(event):
            raise NoSuchRoute("The path is not spelled like a route's.")
        try:
            return action(query_of(event))
        except AWS_ERRORS as error:
            if not is_transient(error):
                raise
            logger.exception("AWS does not answer")
            raise AwsUnavailable(f"AWS said {code_of(error)}.", retry_after=BACKOFF_FIRST_SECONDS) from error

    def _problem(self, event: Event, problem: Problem) -> Response:
        content = {
            "type": "about:blank",
            "title": problem.title,
            "status": problem.status,
            "code": problem.code,
            "detail": problem.detail,
            **problem.members,
        }
        if isinstance(problem, InstallNeeded):
            content["install_url"] = f"{self.settings.install_url(host_of(event))}?hub_id={problem.hub_id}"
        response = json_answer(problem.status, content)
        response["headers"]["content-type"] = "application/problem+json"
        if problem.retry_after is not None:
            response["headers"]["retry-after"] = str(problem.retry_after)
        return response


def _about(event: Event) -> dict[str, Any]:
    """The route and the account of a call, for the log."""
    hub_id = named_hub_id(event)
    return {"route": event.get("routeKey"), **({"hub_id": hub_id} if hub_id else {})}
