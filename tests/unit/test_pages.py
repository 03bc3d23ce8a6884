"""What a page shows of its values, and the headers that keep it to itself."""

import base64
import hashlib
import re
from dataclasses import replace

import pytest

from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.install import refusal_texts
from hubspot_oauth.install.pages import Pages
from hubspot_oauth.install.refusal import InstallRefused
from tests.support.stack import ENVIRONMENT

APP_URL = "https://app.hubspot.com"
BRAND = Settings.from_env(ENVIRONMENT).brand


def pages(**brand: str) -> Pages:
    return Pages(replace(BRAND, **brand), app_url=APP_URL)


@pytest.mark.parametrize(
    ("framed", "ancestors"),
    [(False, "frame-ancestors 'none'"), (True, f"frame-ancestors {APP_URL} https://*.hubspot.com")],
)
def test_a_page_may_load_its_own_style_and_nothing_else(framed: bool, ancestors: str) -> None:
    [style] = re.findall("<style>(.*?)</style>", pages().pending(), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    headers = pages(logo_url="").headers(framed=framed)

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
        ancestors,
    ]


def test_a_logo_is_loaded_from_its_own_host_alone() -> None:
    headers = pages(logo_url="https://cdn.example.com/logo.svg?v=1").headers(framed=False)

    assert "img-src https://cdn.example.com;" in headers["content-security-policy"]


def test_every_value_on_a_page_is_escaped() -> None:
    odd = "<b>\"&'"
    refused = InstallRefused(refusal_texts.SCOPES_MISSING, missing_scopes=[odd])
    refused.retry_url = refused.back_url = f"/install?x={odd}"

    page = pages(app_name=odd).refused(refused)

    assert odd not in page
    assert page.count("&lt;b&gt;&#34;&amp;&#39;") == 8  # title, header, two sentences, scope, two addresses, "Back to"
