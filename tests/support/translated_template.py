"""The template as AWS sees it: after SAM's transform, and which resource needs which."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from ops.template import load_template

PARAMETERS = {"HubSpotClientId": "sim00000-0000-4000-8000-000000000000", "RequiredScopes": "oauth"}


def translate(template: Mapping[str, Any], region: str = "eu-central-1") -> dict[str, Any]:
    """The CloudFormation template that SAM makes of ``template``."""
    packaged = json.loads(json.dumps(template))
    for resource in packaged["Resources"].values():
        for name in ("CodeUri", "ContentUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = "s3://bucket/key"
    for name, value in PARAMETERS.items():
        packaged["Parameters"].setdefault(name, {"Type": "String"})["Default"] = value
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    return dict(translator.translate(packaged, {}))


@cache
def translated() -> dict[str, Any]:
    return translate(load_template())


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """The translated resources of one type, by logical id."""
    found: dict[str, dict[str, Any]] = translated()["Resources"]
    return {name: resource for name, resource in found.items() if resource["Type"] == kind}


def as_list(value: Any) -> list[Any]:
    """What may be one or several, as a list."""
    return value if isinstance(value, list) else [value]


def metrics_of(alarm: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The metrics that an alarm reads."""
    if "MetricName" in alarm:
        yield alarm
    yield from (m["MetricStat"]["Metric"] for m in alarm.get("Metrics", []) if "MetricStat" in m)


def dependencies(template: Mapping[str, Any]) -> dict[str, set[str]]:
    """Which resource needs which other ones before it can be made."""
    names = set(template["Resources"])
    return {
        name: {target for target in _references(resource) if target in names}
        for name, resource in template["Resources"].items()
    }


def dependency_cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """One dependency cycle, or an empty list."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return path[path.index(node) :]
        if node in done:
            return []
        for target in sorted(graph[node]):
            if found := visit(target, [*path, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := visit(node, []))), [])


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        for name, content in value.items():
            if name == "Ref":
                yield str(content)
            elif name == "Fn::GetAtt":
                yield str(content[0] if isinstance(content, list) else content).split(".")[0]
            elif name == "Fn::Sub":
                yield from _substituted(content)
            elif name == "DependsOn":
                yield from [content] if isinstance(content, str) else content
            else:
                yield from _references(content)


def _substituted(content: Any) -> Iterator[str]:
    text, given = (content, {}) if isinstance(content, str) else content
    for part in text.split("${")[1:]:
        name = part.split("}", 1)[0]
        if name not in given:
            yield name.split(".", 1)[0]
    yield from _references(list(given.values()))
