"""What is checked before anything is deployed."""

import copy
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner

from ops import preflight, sam
from ops.__main__ import main
from ops.hsmeta import HsMetaError, load_hsmeta, parse_hsmeta
from ops.parameters import check_parameters
from ops.template import load_template

GIVEN = {"HubSpotClientId": "12345678-1234-1234-1234-123456789012", "RequiredScopes": "oauth"}
HSMETA = {
    "uid": "app",
    "config": {
        "name": "My app",
        "auth": {
            "type": "oauth",
            "redirectUrls": ["https://auth.example.com/oauth-callback", "http://localhost:3000/oauth-callback"],
            "requiredScopes": ["crm.objects.contacts.read"],
            "conditionallyRequiredScopes": ["automation"],
            "optionalScopes": ["tickets"],
        },
    },
}


def hsmeta(**auth: object) -> dict[str, object]:
    changed: dict[str, Any] = copy.deepcopy(HSMETA)
    changed["config"]["auth"].update(auth)
    return changed


def test_good_parameters_have_no_fault() -> None:
    assert check_parameters(load_template(), GIVEN) == []


def test_every_bad_parameter_is_named_at_once() -> None:
    bad = {
        "HubSpotClientId": "no spaces",
        "HubSpotApiVersion": "v1",
        "RefreshMarginPercent": "81",
        "RefreshWorkers": "many",
        "RedirectUrl": "https://192.0.2.1/oauth-callback",
        "BrandColor": "red",
        "Unknown": "x",
    }

    faults = check_parameters(load_template(), bad)

    assert len(faults) == len(bad) + 1
    assert {fault.split(":")[0] for fault in faults} == {*bad, "RequiredScopes"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RedirectUrl", "http://localhost:3000/oauth-callback"),
        ("RedirectUrl", "https://auth.example.com/hubspot/callback"),
        ("ReturnToOrigins", "https://app.example.com http://localhost:8080"),
        ("SupportUrl", "mailto:help@example.com"),
        ("AppName", "Größe & Söhne"),
        ("CallbackPath", "/api/v1/oauth/callback"),
        ("AlarmTopicArn", "arn:aws:sns:eu-central-1:123456789012:alarms"),
    ],
)
def test_a_useful_value_is_accepted(name: str, value: str) -> None:
    assert check_parameters(load_template(), {**GIVEN, name: value}) == []


def test_the_declaration_decides_scopes_and_name() -> None:
    parameters = parse_hsmeta(HSMETA).parameters(["automation"])

    assert parameters == {
        "RequiredScopes": "oauth crm.objects.contacts.read",
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


def test_oauth_is_required_whether_the_declaration_says_so_or_not() -> None:
    declared = parse_hsmeta(hsmeta(requiredScopes=["crm.objects.contacts.read", "oauth"]))

    assert declared.parameters()["RequiredScopes"] == "oauth crm.objects.contacts.read"


def test_a_given_redirect_url_must_be_declared_and_the_apis_own_is_not_known_yet() -> None:
    declared = parse_hsmeta(HSMETA)

    assert declared.faults({"RedirectUrl": "https://auth.example.com/oauth-callback"}) == []
    assert declared.faults({"RedirectUrl": ""}) == declared.faults({}) == []
    [fault] = declared.faults({"RedirectUrl": "https://other.example.com/oauth-callback"})
    assert "redirectUrls does not list https://other.example.com/oauth-callback" in fault


@pytest.mark.parametrize("name", [None, 7, ["My app"]])
def test_a_name_that_is_no_text_is_left_out(name: object) -> None:
    document = hsmeta()
    document["config"]["name"] = name  # type: ignore[index]

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
        ({"optionalScopes": ["oauth"]}, "oauth is in optionalScopes"),
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


def test_the_preflight_names_what_is_missing_with_its_mend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))

    faults = preflight.faults()

    assert len(faults) == 2
    assert "Python 3.13" in faults[0]
    assert "pipx install aws-sam-cli" in faults[1]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with nothing on it: no SAM, no Python 3.13, no AWS configuration."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))


@pytest.mark.usefixtures("bare")
def test_deploy_names_everything_that_is_missing_at_once() -> None:
    done = CliRunner().invoke(main, ["deploy"])

    mends = [
        "pyenv install 3.13",
        "pipx install aws-sam-cli",
        "export AWS_REGION=",
        "aws sso login",
        "--client-id YOUR-CLIENT-ID",
        "HSMETA=path/to/app-hsmeta.json",
    ]
    lines = done.output.splitlines()
    assert done.exit_code == 2
    assert len(lines) == len(mends)
    assert all(mend in line for mend, line in zip(mends, lines, strict=True))


@pytest.mark.usefixtures("bare")
def test_a_profile_that_is_not_there_is_named_with_the_rest() -> None:
    done = CliRunner().invoke(main, ["deploy", "--profile", "nobody"])

    assert done.exit_code == 2
    assert "pipx install aws-sam-cli" in done.output
    assert "aws configure list-profiles" in done.output


@pytest.mark.usefixtures("bare")
def test_the_region_of_the_mend_is_the_region_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")

    done = CliRunner().invoke(main, ["deploy"])

    assert "region" not in done.output


def test_a_region_that_cannot_be_one_is_named() -> None:
    assert preflight.region_fault(boto3.Session(region_name="eu-central-1")) is None
    assert "is not an AWS region" in str(preflight.region_fault(boto3.Session(region_name="Frankfurt")))


def test_an_aws_out_of_reach_is_not_taken_for_wrong_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:1")
    session = boto3.Session("key", "secret", region_name="eu-central-1")

    assert str(preflight.credentials_fault(session)).startswith("AWS cannot be reached")


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_both_environments_give_parameters_the_template_takes(name: str) -> None:
    configured = sam.configured(name)

    assert configured["stack_name"] == f"hubspot-oauth-{name}"
    assert check_parameters(load_template(), {**GIVEN, **sam.overrides(configured["parameter_overrides"])}) == []


def test_a_parameter_of_several_words_reaches_sam_whole() -> None:
    given = {"RequiredScopes": "oauth crm.objects.contacts.read", "ConditionalScopes": "", "AppName": 'The "app"'}

    assert sam.written(given) == [
        'RequiredScopes="oauth crm.objects.contacts.read"',
        'ConditionalScopes=""',
        'AppName="The \\"app\\""',
    ]
