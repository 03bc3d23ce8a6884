"""Reads values that another version of this code may have written.

Unknown fields are ignored; every new field must have a default.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def known_fields(kind: type["DataclassInstance"], content: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of ``content`` that are fields of the dataclass ``kind``."""
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in content.items() if name in names}
