"""The install's cookie: who may set it, who may read it, and which of several counts."""

import pytest

from hubspot_oauth.install.cookies import Cookie, cookies_of

LIVE, LOCAL = "https://auth.example.com/oauth-callback", "http://localhost:3000/oauth-callback"


@pytest.mark.parametrize(
    ("redirect_uri", "name", "flags"),
    [
        (LIVE, "__Host-hubspot-install-nonce", "Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure"),
        (LOCAL, "hubspot-install-nonce", "Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"),
        (
            "http://auth.example.com/",
            "__Host-hubspot-install-nonce",
            "Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure",
        ),
    ],
)
def test_no_script_no_other_site_and_no_sibling_host_gets_at_the_cookie(
    redirect_uri: str, name: str, flags: str
) -> None:
    assert Cookie.of("nonce", redirect_uri, "secret").header() == f"{name}=secret; {flags}"


def test_of_two_cookies_with_one_name_the_first_counts() -> None:
    assert cookies_of({"cookies": ["a=first", "b=other", "a=second", " a =third"]}) == {"a": "first", "b": "other"}
