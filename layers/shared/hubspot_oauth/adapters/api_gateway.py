"""Reads API Gateway's events (HTTP API, payload format 2.0), and makes responses for it."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from aws_lambda_powertools.utilities.typing import LambdaContext

from hubspot_oauth.domain.account import parse_hub_id
from hubspot_oauth.domain.api_errors import InvalidRequest
from hubspot_oauth.domain.clocks import Remaining

Event = Mapping[str, Any]
Response = dict[str, Any]


class Query(Mapping[str, str]):
    """A query's parameters by name.

    Reading one raises ``InvalidRequest`` if it is given twice or is not UTF-8. Those that are not read are ignored.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        pairs = list(pairs)
        self._values = dict(pairs)
        self._times = Counter(name for name, _ in pairs)

    def __getitem__(self, name: str) -> str:
        value = self._values[name]
        if self._times[name] > 1:
            raise InvalidRequest(f"{name} is given twice.", field=name)
        if not is_unicode(value):
            raise InvalidRequest(f"{name} is not UTF-8.", field=name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def host_of(event: Event) -> str:
    """The host name that was called, as API Gateway knows it. The Host header is only what the client claims."""
    return str(event["requestContext"]["domainName"])


def query_of(event: Event) -> Query:
    """The query's parameters by name. API Gateway bounds their number and size."""
    return Query(parse_qsl(event.get("rawQueryString", ""), keep_blank_values=True, errors="surrogateescape"))


def method_of(event: Event) -> str:
    """The request's HTTP method."""
    return str(event["requestContext"]["http"]["method"])


def hub_id_of(event: Event) -> int:
    """The ``{hub_id}`` of the path.

    Raises:
        InvalidRequest: It is not an account's number.
    """
    hub_id = named_hub_id(event)
    if hub_id is None:
        raise InvalidRequest("hub_id is not an account's number.", field="hub_id")
    return hub_id


def named_hub_id(event: Event) -> int | None:
    """The ``{hub_id}`` of the path, or None if there is none or it is not an account's number."""
    return parse_hub_id((event.get("pathParameters") or {}).get("hub_id", ""))


def caller_of(event: Event) -> str | None:
    """The ARN of the user or role whose signature and policy API Gateway has verified, or None."""
    iam = (event["requestContext"].get("authorizer") or {}).get("iam") or {}
    return iam.get("userArn") or None


def is_spelled_like_its_route(event: Event) -> bool:
    """Whether the path is the route's, letter by letter, behind the path of an API mapping if there is one.

    The event has the path twice, and the decoded variables in it. Which of the two paths is decoded, and which one IAM
    has compared with the caller's policy, is not documented, so both must agree.
    """
    path = str(event.get("routeKey", "")).partition(" ")[2]
    for name, value in (event.get("pathParameters") or {}).items():
        path = path.replace(f"{{{name}}}", str(value))
    given = (event.get("rawPath", ""), event["requestContext"].get("http", {}).get("path", ""))
    return path.startswith("/") and all(str(one).endswith(path) for one in given)


def remaining_of(context: LambdaContext) -> Remaining:
    """A function that returns the seconds this invocation may still run."""
    return lambda: float(context.get_remaining_time_in_millis()) / 1000


def is_unicode(value: str) -> bool:
    """Whether ``value`` can be encoded. A half of a surrogate pair cannot; JSON and a query may contain one."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def json_answer(status: int, content: Mapping[str, object]) -> Response:
    """A JSON response that must not be cached."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": json.dumps(content),
    }
