"""The environment: parsed whole, and every fault named at once."""

import pytest

from hubspot_oauth.domain.env_reader import is_web_url
from hubspot_oauth.domain.errors import SettingsError
from hubspot_oauth.domain.settings import Settings
from tests.support.stack import ENVIRONMENT


def test_a_whole_environment_is_parsed() -> None:
    settings = Settings.from_env(ENVIRONMENT)

    assert settings.requested_scopes == ("oauth", "crm.objects.contacts.read")
    assert settings.optional_scopes == ("tickets",)
    assert settings.margin_percent == 33


def test_an_empty_environment_names_every_missing_variable_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({})

    assert len(caught.value.faults) == 19
    assert "ACCOUNTS_TABLE is missing" in caught.value.faults


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HUBSPOT_API_VERSION", "v1"),
        ("HUBSPOT_API_URL", "http://api.hubapi.com"),
        ("HUBSPOT_API_URL", "https://api.hubapi.com/"),
        ("HUBSPOT_CLIENT_ID", "a b"),
        ("BRAND_COLOR", "red"),
        ("REFRESH_MARGIN_PERCENT", "81"),
        ("REFRESH_MARGIN_PERCENT", "３３"),
        ("CALLBACK_PATH", "oauth-callback"),
        ("CALLBACK_PATH", "/install"),
        ("REDIRECT_URL", "https://auth.example.com/oauth-callback/"),
        ("REDIRECT_URL", "https://auth.example.com/oauth-callback?app=1"),
        ("REDIRECT_URL", "https://auth.example.com"),
        ("RETURN_TO_ORIGINS", "https://ok.example.com https://example.com/path"),
        ("LOGO_URL", "http://example.com/logo.png"),
        ("MARKETPLACE_INSTALLS", "no"),
        ("SIGN_IN_URL", "https://user@example.com/"),
    ],
)
def test_a_malformed_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({**ENVIRONMENT, name: value})

    assert [fault for fault in caught.value.faults if fault.startswith(name)] == caught.value.faults


@pytest.mark.parametrize("url", ["https://example.com/x?y", "http://localhost:3000/oauth-callback"])
def test_a_web_url_is_taken(url: str) -> None:
    assert is_web_url(url)


@pytest.mark.parametrize(
    "url", ["http://example.com", "https://", "https://a b.test", "ftp://a.test", "https://a.test#f"]
)
def test_another_kind_of_url_is_not_a_web_url(url: str) -> None:
    assert not is_web_url(url)
