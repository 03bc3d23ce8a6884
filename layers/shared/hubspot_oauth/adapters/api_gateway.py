"""Reads API Gateway's events (HTTP API, payload format 2.0), and makes responses for it."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from aws_lambda_powertools.utilities.typing import LambdaContext

from hubspot_oauth.domain.account import parse_hub_id
from hubspot_oauth.domain.api_errors import InvalidRequest
from hubspot_oauth.domain.clocks import Remaining

Event = Mapping[str, Any]
Response = dict[str, Any]

_MOST_PARAMETERS = 40


def host_of(event: Event) -> str:
    """The host name that was called, as API Gateway knows it. The Host header is only what the client claims."""
    return str(event["requestContext"]["domainName"])


def query_of(event: Event) -> dict[str, str]:
    """The query's parameters by name.

    Raises:
        InvalidRequest: A parameter is given twice, or there are more than 40.
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


def remaining_of(context: LambdaContext) -> Remaining:
    """A function that returns the seconds this invocation may still run."""
    return lambda: float(context.get_remaining_time_in_millis()) / 1000


def json_answer(status: int, content: Mapping[str, object]) -> Response:
    """A JSON response that must not be cached."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": json.dumps(content),
    }
