"""template.yaml as the twin reads it."""

from collections.abc import Iterator
from typing import Any

Template = dict[str, Any]


def resources_of(template: Template, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(logical id, properties) of the resources of these types."""
    for name, resource in template["Resources"].items():
        if resource["Type"] in kinds:
            yield name, resource.get("Properties", {})
