"""What the operator's commands read from app-hsmeta.json, and which declarations they refuse."""

import json
from pathlib import Path

import pytest

from ops.hsmeta import HsMetaError, load_hsmeta, parse_hsmeta
from ops.parameters import check_parameters
from ops.template import load_template
from tests.support.app_hsmeta import HSMETA, hsmeta

GIVEN = {"HubSpotClientId": "12345678-1234-1234-1234-123456789012", "RequiredScopes": "oauth"}


def test_the_declaration_decides_scopes_and_name() -> None:
    parameters = parse_hsmeta(HSMETA).parameters(["automation"])

    assert parameters == {
        "RequiredScopes": "crm.objects.contacts.read",
        "ConditionalScopes": "automation",
        "OptionalScopes": "tickets",
        "AppName": "My app",
    }
    assert check_parameters(load_template(), {**GIVEN, **parameters}) == []


def test_a_scope_that_is_not_conditionally_required_cannot_be_wanted() -> None:
    declared = parse_hsmeta(HSMETA)

    [fault] = declared.faults(declared.parameters(["automation", "tickets"]))

    assert "tickets is not among conditionallyRequiredScopes" in fault


def test_the_conditional_scopes_wanted_before_stay_when_none_is_named() -> None:
    assert "ConditionalScopes" not in parse_hsmeta(HSMETA).parameters()


def test_no_scope_is_asked_for_that_the_declaration_does_not_list() -> None:
    declared = parse_hsmeta(hsmeta(requiredScopes=["crm.objects.contacts.read", "tickets"], optionalScopes=[]))

    assert declared.parameters()["RequiredScopes"] == "crm.objects.contacts.read tickets"


def test_a_given_redirect_url_must_be_declared_and_the_apis_own_is_not_known_yet() -> None:
    declared = parse_hsmeta(HSMETA)

    assert declared.faults({"RedirectUrl": "https://auth.example.com/oauth-callback"}) == []
    assert declared.faults({"RedirectUrl": ""}) == declared.faults({}) == []
    [fault] = declared.faults({"RedirectUrl": "https://other.example.com/oauth-callback"})
    assert "redirectUrls does not list https://other.example.com/oauth-callback" in fault


@pytest.mark.parametrize("name", [None, 7, ["My app"]])
def test_a_name_that_is_no_text_is_left_out(name: object) -> None:
    document = hsmeta()
    document["config"]["name"] = name

    assert "AppName" not in parse_hsmeta(document).parameters()


@pytest.mark.parametrize(
    ("auth", "fault"),
    [
        ({"type": "static"}, "only an OAuth app"),
        ({"redirectUrls": []}, "redirectUrls is empty"),
        ({"redirectUrls": ["http://example.com/cb"]}, "must use https"),
        ({"redirectUrls": ["https://192.0.2.1/cb"]}, "no IP addresses"),
        ({"redirectUrls": ["https://[2001:db8::1]/cb"]}, "no IP addresses"),
        ({"redirectUrls": ["/cb"]}, "not an absolute URL"),
        ({"redirectUrls": ["https://[cb"]}, "not an absolute URL"),
        ({"redirectUrls": "https://example.com/cb"}, "not a list"),
        ({"optionalScopes": ["crm.objects.contacts.read"]}, "in one list, once"),
        ({"requiredScopes": ["a b"]}, "not one scope"),
        ({"requiredScopes": [], "optionalScopes": ["oauth"]}, "requiredScopes is empty"),
    ],
)
def test_a_broken_rule_of_hubspots_is_explained(auth: dict[str, object], fault: str) -> None:
    with pytest.raises(HsMetaError, match=fault):
        parse_hsmeta(hsmeta(**auth))


def test_every_broken_rule_is_explained_at_once() -> None:
    with pytest.raises(HsMetaError) as caught:
        parse_hsmeta(hsmeta(redirectUrls=["http://a.example/x", "https://10.0.0.1/x"], optionalScopes=["automation"]))

    assert len(caught.value.faults) == 3


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"config": 1}', '{"config": {"auth": []}}'])
def test_a_file_of_another_kind_is_refused_calmly(tmp_path: Path, content: str) -> None:
    path = tmp_path / "app-hsmeta.json"
    path.write_text(content)

    with pytest.raises(HsMetaError):
        load_hsmeta(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HsMetaError, match=r"nowhere\.json cannot be read"):
        load_hsmeta(tmp_path / "nowhere.json")


def test_the_redirect_url_is_compared_to_the_letter() -> None:
    declared = parse_hsmeta(HSMETA)

    assert declared.redirect_fault("https://auth.example.com/oauth-callback") is None
    assert declared.redirect_fault("https://auth.example.com/oauth-callback/")


def test_a_file_that_a_windows_editor_saved_is_read(tmp_path: Path) -> None:
    file = tmp_path / "app-hsmeta.json"
    file.write_text(json.dumps(HSMETA), encoding="utf-8-sig")

    assert load_hsmeta(file) == parse_hsmeta(HSMETA)
