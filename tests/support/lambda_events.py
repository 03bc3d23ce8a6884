"""Events as Lambda hands them to the functions, and the context that comes with each."""

import time
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from hubspot_oauth.adapters.refresh_queue import Batch
from hubspot_oauth.domain.account import GrantKey

CALLER = "arn:aws:iam::123456789012:user/team"


def visit_event(**query: str) -> dict[str, Any]:
    """API Gateway's event for a browser's visit."""
    return {
        "rawQueryString": urlencode(query),
        "cookies": [],
        "requestContext": {"domainName": "localhost", "http": {"method": "GET"}},
    }


def signed_event(
    route: str, hub_id: int | None = None, *, body: str | None = None, host: str = "localhost", **query: str
) -> dict[str, Any]:
    """API Gateway's event for a signed call of a route such as ``GET /accounts/{hub_id}``."""
    method, _, template = route.partition(" ")
    path = template.replace("{hub_id}", str(hub_id))
    event: dict[str, Any] = {
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": urlencode(query),
        "requestContext": {
            "domainName": host,
            "http": {"method": method, "path": path},
            "authorizer": {"iam": {"userArn": CALLER}},
        },
    }
    if hub_id is not None:
        event["pathParameters"] = {"hub_id": str(hub_id)}
    if body is not None:
        event["body"] = body
    return event


def token_event(hub_id: int, **query: str) -> dict[str, Any]:
    """API Gateway's event for a caller who asks for a token."""
    return signed_event("GET /accounts/{hub_id}/token", hub_id, **query)


def worker_event(*hub_ids: int) -> dict[str, Any]:
    """The refresh worker's event for these accounts, as the dispatcher's message becomes one."""
    batch = Batch(tuple(map(GrantKey.of_account, hub_ids)), write_successes=False, queued_at=time.time(), tick="a test")
    return {"Records": [{"body": batch.body()}]}


def lambda_context(function: str, remaining_seconds: float) -> Any:
    """The context of one invocation, with the same time left however often it is asked."""
    return SimpleNamespace(
        function_name=function,
        function_version="1",
        memory_limit_in_mb=512,
        invoked_function_arn=f"arn:aws:lambda:us-east-1:123456789012:function:{function}",
        aws_request_id="00000000-0000-4000-8000-000000000000",
        get_remaining_time_in_millis=lambda: int(remaining_seconds * 1000),
    )
