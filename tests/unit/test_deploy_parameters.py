"""The template's parameters as an operator gives them: checked before the deploy, and passed to SAM whole."""

import pytest

from ops import sam
from ops.parameters import check_parameters
from ops.template import load_template

GIVEN = {"HubSpotClientId": "12345678-1234-1234-1234-123456789012", "RequiredScopes": "oauth"}


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
        ("RedirectUrl", "https://www.example.com/"),
        ("CallbackPath", "/api/v1/oauth/callback"),
        ("CallbackPath", "/"),
        ("AlarmTopicArn", "arn:aws:sns:eu-central-1:123456789012:alarms"),
    ],
)
def test_a_useful_value_is_accepted(name: str, value: str) -> None:
    assert check_parameters(load_template(), {**GIVEN, name: value}) == []


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("RedirectUrl", "https://auth.example.com/oauth-callback/", "slash"),
        ("RedirectUrl", "https://auth.example.com", "path"),
        ("RedirectUrl", "https://auth.example.com/oauth-callback?app=1", "query"),
        ("RedirectUrl", "https://auth.example.com/?app=1", "query"),
        ("CallbackPath", "/oauth-callback/", "slash"),
        ("CallbackPath", "/oauth-callback?app=1", "query"),
        ("CallbackPath", "//", "slash"),
        ("CallbackPath", "/install", "/install"),
        ("CallbackPath", "/accounts", "/accounts"),
    ],
)
def test_an_address_that_no_route_can_have_is_refused_in_words(name: str, value: str, word: str) -> None:
    [fault] = check_parameters(load_template(), {**GIVEN, name: value})

    assert fault.startswith(f"{name}: must be")
    assert word in fault


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


def scopes_of(size: int) -> str:
    """Scopes of 20 characters, ``size`` characters with the spaces between them."""
    return " ".join(f"scope.number.{number:07}" for number in range(size // 21 + 1))[:size]


@pytest.mark.parametrize("name", ["RequiredScopes", "ConditionalScopes", "OptionalScopes"])
def test_settings_longer_than_an_environment_of_lambda_are_refused_before_the_upload(name: str) -> None:
    scopes = {"RequiredScopes": scopes_of(700), "ConditionalScopes": scopes_of(300), "OptionalScopes": scopes_of(500)}
    fitting, too_long = {**GIVEN, **scopes}, {**GIVEN, **scopes, name: scopes_of(2_500)}

    assert check_parameters(load_template(), fitting) == []
    [fault] = check_parameters(load_template(), too_long)

    assert fault.startswith(f"{name}, ")
    assert "4096 that Lambda allows" in fault


def test_an_environment_is_measured_in_bytes_and_to_the_last_one() -> None:
    template = load_template()

    def faults(size: int, name: str) -> list[str]:
        return check_parameters(template, {**GIVEN, "OptionalScopes": "s" * size, "AppName": name})

    most = next(size for size in range(4096, 0, -1) if not faults(size, "e"))

    assert faults(most + 1, "e")
    assert faults(most, "é")
    assert not faults(most - 1, "é")
