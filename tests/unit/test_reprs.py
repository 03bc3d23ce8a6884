"""No value shows a secret when it is printed, be it by a log, an error tracker or a debugger."""

import re
from dataclasses import Field, fields, is_dataclass
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest

import hubspot_oauth

SECRET = re.compile("(.*_)?token|client_secret|code|state|link|sealed|wrapped|ciphertext|cipher|body|cookies|value")
TEXTS = ("<class 'str", "<class 'bytes", "str", "bytes", "Mapping")
#: Fields of such a name that hold no secret.
HARMLESS = {"Verdict.code", "Refusal.code"}


def secret_fields() -> dict[str, "Field[Any]"]:
    """The fields of all value classes whose name and type are those of a secret."""
    modules = [import_module(module.name) for module in walk_packages(hubspot_oauth.__path__, "hubspot_oauth.")]
    kinds = {value for module in modules for value in vars(module).values() if isinstance(value, type)}
    found = {f"{kind.__name__}.{field.name}": field for kind in kinds if is_dataclass(kind) for field in fields(kind)}
    return {
        name: field
        for name, field in sorted(found.items())
        if SECRET.fullmatch(field.name) and str(field.type).startswith(TEXTS) and name not in HARMLESS
    }


@pytest.mark.parametrize("name", secret_fields())
def test_a_secret_field_stays_out_of_the_repr(name: str) -> None:
    assert not secret_fields()[name].repr


def test_there_are_secrets_to_look_at() -> None:
    wanted = {"Tokens.refresh_token", "Secret.value", "Arrival.code", "Account.sealed", "AccessToken.token"}

    assert wanted <= set(secret_fields())
