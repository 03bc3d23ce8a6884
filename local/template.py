"""template.yaml as plain data: CloudFormation's short forms (!Ref, !Sub, ...) written out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"

Template = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """Plain YAML plus CloudFormation's tags."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    if suffix in {"Ref", "Condition"}:
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)


def load_template(path: Path = TEMPLATE) -> Template:
    """The template, every short form written out."""
    loader = _Loader(path.read_text(encoding="utf-8"))
    try:
        template: Template = loader.get_single_data()
    finally:
        loader.dispose()
    return template


def resources_of(template: Template, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(logical id, properties) of the resources of these types."""
    for name, resource in template["Resources"].items():
        if resource["Type"] in kinds:
            yield name, resource.get("Properties", {})
