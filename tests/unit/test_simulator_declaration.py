"""Which app-hsmeta.json the simulator takes, and what it reads from one."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from ops.hsmeta import HsMetaError, parse_hsmeta
from simulator import SimulatorSettings
from simulator.declaration import InvalidDeclaration, declaration_faults, is_acceptable_redirect, load_declaration

REDIRECT = "http://localhost:3000/oauth-callback"
DECLARATION = {
    "config": {
        "name": "Mine",
        "auth": {
            "type": "oauth",
            "redirectUrls": [REDIRECT, "https://auth.example.com/oauth-callback"],
            "requiredScopes": ["oauth", "crm.objects.contacts.read"],
            "conditionallyRequiredScopes": ["content"],
            "optionalScopes": ["tickets"],
        },
    },
}


def declaration(**auth: object) -> dict[str, Any]:
    changed: dict[str, Any] = copy.deepcopy(DECLARATION)
    changed["config"]["auth"].update(auth)
    return changed


def test_a_declaration_sets_scopes_and_redirect_urls() -> None:
    settings = SimulatorSettings.from_hsmeta(DECLARATION, token_lifetime=20)

    assert settings.redirect_urls == (REDIRECT, "https://auth.example.com/oauth-callback")
    assert settings.required_scopes == ("oauth", "crm.objects.contacts.read")
    assert (settings.conditional_scopes, settings.optional_scopes) == (("content",), ("tickets",))
    assert (settings.app_name, settings.token_lifetime) == ("Mine", 20)


def test_a_missing_scope_list_is_empty() -> None:
    assert SimulatorSettings.from_hsmeta({"config": {"auth": {"redirectUrls": [REDIRECT]}}}).optional_scopes == ()


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ([], "config.auth is missing"),
        ({"config": {"auth": []}}, "config.auth is missing"),
        (declaration(type="static"), "only an OAuth app"),
        (declaration(redirectUrls=[]), "redirectUrls is empty"),
        (declaration(redirectUrls=REDIRECT), "redirectUrls is not a list"),
        (declaration(redirectUrls=["http://app.example.com/x"]), "must use https"),
        (declaration(redirectUrls=["https://192.0.2.1/x"]), "a domain name"),
        (declaration(redirectUrls=["/x"]), "must use https"),
        (declaration(redirectUrls=["https://[x"]), "must use https"),
        (declaration(redirectUrls=[REDIRECT + "#x"]), "no fragment"),
        (declaration(optionalScopes=["content"]), "content is listed more than once"),
        (declaration(requiredScopes=["oauth tickets"]), "not one scope"),
        (declaration(requiredScopes=[], optionalScopes=["oauth"]), "oauth must be in requiredScopes"),
    ],
)
def test_the_simulator_refuses_what_the_operators_command_refuses(document: object, fault: str) -> None:
    with pytest.raises(HsMetaError):
        parse_hsmeta(document)

    assert [found for found in declaration_faults(document) if fault in found]


def test_the_simulator_takes_what_the_operators_command_takes() -> None:
    parse_hsmeta(DECLARATION)

    assert declaration_faults(DECLARATION) == []


def test_a_declaration_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "app-hsmeta.json"
    path.write_text(json.dumps(DECLARATION))

    assert load_declaration(path) == DECLARATION


@pytest.mark.parametrize(("content", "fault"), [("{", "is not JSON"), ("{}", "config.auth is missing")])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: str, fault: str) -> None:
    path = tmp_path / "app-hsmeta.json"
    path.write_text(content)

    with pytest.raises(InvalidDeclaration, match=fault):
        load_declaration(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidDeclaration, match=r"nowhere\.json cannot be read"):
        load_declaration(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("url", "acceptable"),
    [
        ("https://app.example.com/x", True),
        ("http://localhost:3000/x", True),
        ("http://app.example.com/x", False),
        ("http://127.0.0.1/x", False),
        ("https://127.0.0.1/x", False),
        ("https://[::1]/x", False),
        ("https://[x", False),
        ("https:///x", False),
        ("ftp://localhost/x", False),
    ],
)
def test_a_redirect_url_is_https_with_a_name_or_http_for_localhost(url: str, acceptable: bool) -> None:
    assert is_acceptable_redirect(url) is acceptable
