"""Reads template.yaml. Intrinsic functions get their long form: ``!Ref X`` becomes ``{"Ref": "X"}``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
TEMPLATE = ROOT / "template.yaml"
Template = dict[str, Any]


def load_template(path: Path = TEMPLATE) -> Template:
    return dict(yaml.load(path.read_text(encoding="utf-8"), _Loader))  # noqa: S506 - _Loader is a safe loader


def resources_of(template: Template, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the logical id and the properties of each resource of these types."""
    for name, resource in template["Resources"].items():
        if resource["Type"] in kinds:
            yield name, resource.get("Properties", {})


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's tags."""


def _intrinsic(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)  # noqa: S101 - YAML has three kinds of node
    return {name: loader.construct_mapping(node, deep=True)}


yaml.add_multi_constructor("!", _intrinsic, Loader=_Loader)
