"""Reads the routes of the deployed HTTP API, and picks the one for a request."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.deploy import Stack
from ops.template import resources_of

STAGE = "$default"
_VARIABLE = re.compile(r"\{(\w+)(\+?)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One route. `key` is API Gateway's, such as “GET /accounts”; `timeout` is in seconds."""

    key: str
    iam: bool
    function_arn: str
    timeout: float

    @property
    def method(self) -> str:
        """The HTTP method or ANY."""
        return self.key.partition(" ")[0]

    @property
    def path(self) -> str:
        """The path, with its variables in braces."""
        return self.key.partition(" ")[2]


@dataclass(frozen=True, slots=True)
class Match:
    """A route, and the decoded values of its path's variables."""

    route: Route
    path_parameters: Mapping[str, str]


class Routes:
    """Picks the most specific route, as HTTP APIs do: a literal segment before {name}, {name} before {name+}."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [(_pattern(route.path), route) for route in sorted(routes, key=_generality)]

    def __iter__(self) -> Iterator[Route]:
        return (route for _, route in self._routes)

    def match(self, method: str, path: str) -> Match | None:
        """Return the route for a request, or None where API Gateway answers 404."""
        for pattern, route in self._routes:
            found = pattern.fullmatch(path)
            if found and route.method in (method, "ANY"):
                return Match(route, found.groupdict())
        return None


def routes_of(stack: Stack) -> tuple[str, Routes]:
    """The id of the stack's HTTP API and its routes."""
    api_id = stack.physical_ids[next(name for name, _ in resources_of(stack.template, "AWS::ApiGatewayV2::Api"))]
    gateway = stack.emulator.client("apigatewayv2")
    integrations = {item["IntegrationId"]: item for item in gateway.get_integrations(ApiId=api_id)["Items"]}
    return api_id, Routes(_route(item, integrations) for item in gateway.get_routes(ApiId=api_id)["Items"])


def _route(item: Mapping[str, Any], integrations: Mapping[str, Mapping[str, Any]]) -> Route:
    integration = integrations[item["Target"].removeprefix("integrations/")]
    return Route(
        key=item["RouteKey"],
        iam=item["AuthorizationType"] == "AWS_IAM",
        function_arn=integration["IntegrationUri"],
        timeout=integration.get("TimeoutInMillis", 30000) / 1000,
    )


def _pattern(path: str) -> re.Pattern[str]:
    parts = []
    position = 0
    for variable in _VARIABLE.finditer(path):
        parts.append(re.escape(path[position : variable.start()]))
        parts.append(f"(?P<{variable[1]}>{'.+' if variable[2] else '[^/]+'})")
        position = variable.end()
    return re.compile("".join(parts) + re.escape(path[position:]), re.DOTALL)


def _generality(route: Route) -> list[int]:
    ranks = [2 if segment.endswith("+}") else 1 if segment.startswith("{") else 0 for segment in route.path.split("/")]
    return [*ranks, 3 if route.method == "ANY" else 0]
