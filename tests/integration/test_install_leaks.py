"""What an install must not give away: its code, its end, its page, or a way to another site."""

from urllib.parse import quote

import pytest

from hubspot_oauth.adapters.dynamodb import plain
from simulator import Running
from tests.support.browser_reading import query_of
from tests.support.product_visitor import ProductVisitor, refusal_of
from tests.support.simulated_hubspot import token_calls


@pytest.mark.parametrize(
    "address",
    ["https://evil.test/", "https://app.hubspot.com.evil.test/", "//evil.test", "https://evil.test/?app.hubspot.com"],
)
def test_an_own_install_ends_on_no_strangers_site(visitor: ProductVisitor, address: str) -> None:
    url = f"{visitor.callback_url()}&returnUrl={quote(address, safe='')}"

    pages = [visitor.open(url) for _ in range(2)]

    assert [page["statusCode"] for page in pages] == [200, 200]
    assert all("You are connected" in page["body"] for page in pages)


def test_neither_table_has_a_code_or_a_cookie(visitor: ProductVisitor) -> None:
    url = visitor.callback_url()
    secrets = {query_of(url)["code"], query_of(url)["state"], *visitor.cookies.values()}
    visitor.open(url)
    dynamodb, settings = visitor.stack.dynamodb, visitor.stack.settings

    items = [
        plain(item)
        for table in (settings.scratch_table, settings.accounts_table)
        for item in dynamodb.scan(TableName=table)["Items"]
    ]

    assert len(items) == 3
    assert [secret for secret in secrets if secret in repr(items)] == []


@pytest.mark.parametrize(
    "mention", ["x=finalize", "step=finalized", "step=finalize%20", "xstep=finalize", "step=%66inalize"]
)
def test_a_page_that_only_mentions_the_marketplaces_last_step_may_not_be_framed(
    visitor: ProductVisitor, mention: str
) -> None:
    page = visitor.open(f"/oauth-callback?code=x&state=y&{mention}")

    assert refusal_of(page) == "state_invalid"
    assert page["headers"]["content-security-policy"].endswith("frame-ancestors 'none'")


def test_a_cookie_with_another_value_finishes_nothing(visitor: ProductVisitor, hubspot: Running) -> None:
    url = visitor.callback_url()
    visitor.cookies = dict.fromkeys(visitor.cookies, "another")

    assert refusal_of(visitor.open(url)) == "browser_mismatch"
    assert token_calls(hubspot.simulator, "authorization_code") == 0


@pytest.mark.parametrize(
    ("error", "logged"), [("server_error", "server_error"), ("a b", ""), ('"}\n{"level": "ERROR', ""), ("x" * 65, "")]
)
def test_an_error_that_anyone_can_write_is_logged_only_as_a_word(
    visitor: ProductVisitor, error: str, logged: str
) -> None:
    visitor.open(f"/oauth-callback?error={quote(error, safe='')}")

    [detail] = [said["detail"] for name, _, said in visitor.stack.reports.entries if name == "InstallsRefused"]
    assert detail == logged
