"""Which app-hsmeta.json the simulator takes, and what it reads from one."""

import json
from pathlib import Path

import pytest

from ops.hsmeta import HsMetaError, parse_hsmeta
from simulator import SimulatorSettings
from simulator.declaration import InvalidDeclaration, declaration_faults, is_acceptable_redirect, load_declaration
from tests.support.app_hsmeta import HSMETA, hsmeta

REDIRECT = "http://localhost:3000/oauth-callback"


def test_a_declaration_sets_scopes_and_redirect_urls() -> None:
    declared = hsmeta(requiredScopes=["oauth", "crm.objects.contacts.read"])

    settings = SimulatorSettings.from_hsmeta(declared, token_lifetime=20)

    assert settings.redirect_urls == ("https://auth.example.com/oauth-callback", REDIRECT)
    assert settings.required_scopes == ("oauth", "crm.objects.contacts.read")
    assert (settings.conditional_scopes, settings.optional_scopes) == (("automation",), ("tickets",))
    assert (settings.app_name, settings.token_lifetime) == ("My app", 20)


def test_a_missing_scope_list_is_empty() -> None:
    assert SimulatorSettings.from_hsmeta({"config": {"auth": {"redirectUrls": [REDIRECT]}}}).optional_scopes == ()


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ([], "config.auth is missing"),
        ({"config": {"auth": []}}, "config.auth is missing"),
        (hsmeta(type="static"), "only an OAuth app"),
        (hsmeta(redirectUrls=[]), "redirectUrls is empty"),
        (hsmeta(redirectUrls=REDIRECT), "redirectUrls is not a list"),
        (hsmeta(redirectUrls=["http://app.example.com/x"]), "must use https"),
        (hsmeta(redirectUrls=["https://192.0.2.1/x"]), "a domain name"),
        (hsmeta(redirectUrls=["/x"]), "must use https"),
        (hsmeta(redirectUrls=["https://[x"]), "must use https"),
        (hsmeta(redirectUrls=[REDIRECT + "#x"]), "no fragment"),
        (hsmeta(optionalScopes=["automation"]), "automation is listed more than once"),
        (hsmeta(requiredScopes=["oauth tickets"]), "not one scope"),
        (hsmeta(requiredScopes=[], optionalScopes=["oauth"]), "requiredScopes is empty"),
    ],
)
def test_the_simulator_refuses_what_the_operators_command_refuses(document: object, fault: str) -> None:
    with pytest.raises(HsMetaError):
        parse_hsmeta(document)

    assert [found for found in declaration_faults(document) if fault in found]


def test_the_simulator_takes_what_the_operators_command_takes() -> None:
    parse_hsmeta(HSMETA)

    assert declaration_faults(HSMETA) == []


def test_a_declaration_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "app-hsmeta.json"
    path.write_text(json.dumps(HSMETA))

    assert load_declaration(path) == HSMETA


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
