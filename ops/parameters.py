"""Checks parameter values against the template's Parameters section, and reports all faults at once.

CloudFormation reports one fault at a time, and only after everything has been uploaded.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

#: Lambda's limit, for all variables of a function together.
MOST_ENVIRONMENT_BYTES = 4096
#: The longest name, ARN or URL that CloudFormation gives to a resource of a stack whose name has 50 characters.
_RESOURCE_BYTES = 160


def check_parameters(
    template: Mapping[str, Any], given: Mapping[str, str], how: Mapping[str, str] | None = None
) -> list[str]:
    """One sentence for each fault: unknown names first, then the rest in the template's order.

    Args:
        template: From ``load_template``.
        given: Parameter values by name; the others take the template's default.
        how: Maps a parameter's name to the command-line arguments that set it. The sentence about a missing parameter
            ends with these arguments.
    """
    declared: Mapping[str, Mapping[str, Any]] = template["Parameters"]
    faults = [f"{name}: the template has no such parameter" for name in given if name not in declared]
    for name, rules in declared.items():
        if name in given:
            faults += [f"{name}: {fault}" for fault in _faults(given[name], rules)]
        elif "Default" not in rules:
            faults.append(" ".join([f"{name}: is missing. {rules['Description']}", *_mend(name, how or {})]))
    return faults or _environment_faults(template, given)


def _environment_faults(template: Mapping[str, Any], given: Mapping[str, str]) -> list[str]:
    """Lambda measures a function's environment as JSON, and refuses it at the end of a deploy."""
    defaults = {name: str(rules.get("Default", "")) for name, rules in template["Parameters"].items()}
    values = {**defaults, **given}
    variables: Mapping[str, Any] = template["Globals"]["Function"]["Environment"]["Variables"]
    environment = {name: _estimated(value, values) for name, value in variables.items()}
    size = len(json.dumps(environment, ensure_ascii=False, separators=(",", ":")).encode())
    if size <= MOST_ENVIRONMENT_BYTES:
        return []
    over = size - MOST_ENVIRONMENT_BYTES
    used = {value["Ref"] for value in variables.values() if isinstance(value, dict) and value.get("Ref") in values}
    longest = sorted(used, key=lambda name: len(values[name].encode()), reverse=True)[:3]
    return [
        f"{', '.join(longest)}: with the other settings they are {over} bytes longer than the"
        f" {MOST_ENVIRONMENT_BYTES} that Lambda allows in a function's environment. Ask for fewer scopes or origins."
    ]


def _estimated(value: object, parameters: Mapping[str, str]) -> str:
    """A variable's value: a text, a parameter's value, or a placeholder as long as a resource's name may be."""
    if isinstance(value, dict):
        return parameters.get(str(value.get("Ref")), "x" * _RESOURCE_BYTES)
    return str(value)


def _mend(name: str, how: Mapping[str, str]) -> list[str]:
    return [f"Give it with: {how[name]}"] if name in how else []


def _faults(value: str, rules: Mapping[str, Any]) -> list[str]:
    allowed = [str(choice) for choice in rules.get("AllowedValues", [])]
    if allowed and value not in allowed:
        return [f"must be one of {', '.join(allowed)}"]
    if "AllowedPattern" in rules and not re.fullmatch(rules["AllowedPattern"], value):
        return [rules.get("ConstraintDescription", f"must match {rules['AllowedPattern']}")]
    if rules["Type"] == "Number":
        return _number_faults(value, rules)
    return []


def _number_faults(value: str, rules: Mapping[str, Any]) -> list[str]:
    if not re.fullmatch(r"[0-9]{1,9}", value):
        return ["must be a whole number"]
    least, most = rules.get("MinValue", 0), rules.get("MaxValue", 10**9)
    return [] if least <= int(value) <= most else [f"must be from {least} to {most}"]
