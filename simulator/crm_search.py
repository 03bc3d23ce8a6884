"""What a search of the CRM asks for, checked and applied to a record's properties."""

from collections.abc import Callable, Mapping
from operator import ge, gt, le, lt
from typing import Any

from simulator.answers import DataError

_MOST_DIGITS = 18


def matches(properties: Mapping[str, str], asked: Mapping[str, Any]) -> bool:
    """Whether a record passes all filters of one of the groups, and a property contains the query."""
    text = str(asked.get("query") or "").lower()
    if text and not any(text in value.lower() for value in properties.values()):
        return False
    groups = items(asked, "filterGroups")
    return not groups or any(all(_passes(properties, one) for one in items(group, "filters")) for group in groups)


def _passes(properties: Mapping[str, str], asked: Mapping[str, Any]) -> bool:
    operator = asked.get("operator")
    test = _OPERATORS.get(str(operator))
    if test is None:
        raise invalid(f"{operator} is not an operator, or not a simulated one")
    return test(properties.get(str(asked.get("propertyName"))), asked)


def _compares(compare: Callable[[Any, Any], bool]) -> Callable[[str | None, Mapping[str, Any]], bool]:
    return lambda had, asked: had is not None and compare(comparable(had), comparable(as_text(asked.get("value"))))


def _has_one_of(had: str | None, asked: Mapping[str, Any]) -> bool:
    return had is not None and had.lower() in {as_text(value).lower() for value in items(asked, "values")}


# HubSpot's operators on texts ignore the case.
_OPERATORS: dict[str, Callable[[str | None, Mapping[str, Any]], bool]] = {
    "EQ": lambda had, asked: had is not None and had.lower() == as_text(asked.get("value")).lower(),
    "NEQ": lambda had, asked: had is not None and had.lower() != as_text(asked.get("value")).lower(),
    "IN": _has_one_of,
    "NOT_IN": lambda had, asked: had is not None and not _has_one_of(had, asked),
    "HAS_PROPERTY": lambda had, _: had is not None,
    "NOT_HAS_PROPERTY": lambda had, _: had is None,
    "CONTAINS_TOKEN": lambda had, asked: (
        had is not None and as_text(asked.get("value")).lower().strip("*") in had.lower()
    ),
    "GT": _compares(gt),
    "GTE": _compares(ge),
    "LT": _compares(lt),
    "LTE": _compares(le),
}


def comparable(value: str) -> tuple[float, str]:
    """Numbers by their value, before all texts."""
    try:
        return float(value), ""
    except ValueError:
        return float("inf"), value.lower()


def items(asked: Mapping[str, Any], name: str) -> list[Any]:
    """The list of this name; filters, their groups and sorts are objects. Raises DataError."""
    value = asked.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise invalid(f"{name} must be a list")
    if name in {"filterGroups", "filters", "sorts"} and not all(isinstance(item, dict) for item in value):
        raise invalid(f"{name} must be a list of objects")
    return value


def number(value: object, name: str, least: int, most: int | None = None) -> int:
    """The number that a parameter of this name says. Raises DataError."""
    text = str(value)[:_MOST_DIGITS]
    if not (text.isascii() and text.isdecimal()) or int(text) < least or (most is not None and int(text) > most):
        raise invalid(f"{name} must be a number from {least}" + (f" to {most}" if most is not None else ""))
    return int(text)


def as_text(value: object) -> str:
    """A value as HubSpot stores it: all its properties are texts."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def invalid(message: str) -> DataError:
    return DataError(400, "VALIDATION_ERROR", message)
