"""What the install flow refuses to a stranger, and what a rotated key does not break."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from hubspot_oauth.adapters.state_keys import REREAD_SECONDS
from hubspot_oauth.domain.account import Binding
from hubspot_oauth.domain.api_errors import InvalidRequest
from hubspot_oauth.domain.install_state import InstallLink
from hubspot_oauth.install.attempt import Attempt
from hubspot_oauth.install.signed_state import read_state
from simulator import Running
from simulator.faults import parse_fault
from tests.support.browser_reading import query_of
from tests.support.product_visitor import ProductVisitor, location, refusal_of
from tests.support.simulated_hubspot import token_calls
from tests.support.stack import Clock, Stack, record_calls

MakeStack = Callable[..., Stack]
RETURN_URL = "https://app.hubspot.com/marketplace/continue"


def marketplace_state(visitor: ProductVisitor) -> str:
    """A state minted for customer-1, who signed in on the way through the Marketplace."""
    link = InstallLink(int(visitor.stack.clock()) + 60, client_reference_id="customer-1", hubspot_return_url=RETURN_URL)
    return query_of(location(visitor.open(visitor.stack.links.make(link, "localhost"))))["state"]


@pytest.mark.parametrize("error", ["access_denied", "server_error"])
def test_a_marketplace_state_does_not_prove_a_right_to_a_fresh_install_link(
    visitor: ProductVisitor, error: str
) -> None:
    state = marketplace_state(visitor)
    thief = ProductVisitor(visitor.stack, visitor.simulator)

    page = thief.open(f"/oauth-callback?error={error}&state={state}")

    assert refusal_of(page)
    assert 'class="button"' not in page["body"]
    assert "open the link that you were given once more" in page["body"]


def test_a_refused_marketplace_install_of_a_customer_offers_no_start_without_the_customer(
    visitor: ProductVisitor,
) -> None:
    state = marketplace_state(visitor)
    thief = ProductVisitor(visitor.stack, visitor.simulator)

    page = thief.open(f"/oauth-callback?code=unknown&state={state}&returnUrl={quote(RETURN_URL, safe='')}")

    assert refusal_of(page) == "code_rejected"
    assert 'class="button"' not in page["body"]


@pytest.mark.parametrize("kind", ["a refusal", "an install still running"])
def test_only_the_marketplaces_last_step_may_be_framed_and_only_by_hubspot(
    visitor: ProductVisitor, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"/oauth-callback?code=x&state={marketplace_state(visitor)}&returnUrl={quote(RETURN_URL, safe='')}"
    if kind == "an install still running":
        monkeypatch.setattr(visitor.stack.hubspot, "exchange", exit_at_once)
        with pytest.raises(SystemExit):
            visitor.open(url)

    inside, alone = visitor.open(f"{url}&step=finalize"), visitor.open(url)

    assert ("Finishing the installation" in inside["body"]) == (kind == "an install still running")
    policies = [page["headers"]["content-security-policy"] for page in (inside, alone)]
    assert "frame-ancestors http://localhost:" in policies[0]
    assert policies[0].endswith(" https://*.hubspot.com")
    assert policies[1].endswith("frame-ancestors 'none'")


def exit_at_once(*_: object) -> None:
    raise SystemExit


def test_a_state_key_rotated_just_after_it_was_read_fails_no_install(
    visitor: ProductVisitor, clock: Clock, make_stack: MakeStack
) -> None:
    visitor.open("/oauth-callback?code=x&state=forged")  # the callback has just read the keys
    visitor.stack.secrets_manager.put_secret_value(
        SecretId=visitor.stack.settings.state_key_id, SecretString="the next key"
    )
    starting = ProductVisitor(make_stack(), visitor.simulator)
    url = starting.callback_url()
    clock.forward(REREAD_SECONDS)

    finishing = ProductVisitor(visitor.stack, visitor.simulator, cookies=starting.cookies)

    assert "You are connected" in finishing.open(url)["body"]


def test_forged_states_make_the_keys_be_read_at_most_once_a_second(visitor: ProductVisitor, clock: Clock) -> None:
    visitor.open("/oauth-callback?code=x&state=forged")
    made = record_calls(visitor.stack.secrets_manager)

    for _ in range(20):
        visitor.open("/oauth-callback?code=x&state=forged")
    assert made == []

    clock.forward(REREAD_SECONDS)
    for _ in range(20):
        visitor.open("/oauth-callback?code=x&state=forged")
    assert made == ["GetSecretValue", "GetSecretValue"]


def test_an_unproved_reinstall_says_so_and_leaves_the_accounts_link_as_it_was(
    visitor: ProductVisitor, hubspot: Running
) -> None:
    link = InstallLink(int(visitor.stack.clock()) + 60, client_reference_id="customer-1")
    visitor.open(visitor.consent(location(visitor.open(visitor.stack.links.make(link, "localhost")))))
    code = query_of(visitor.callback_url())["code"]

    landing = location(
        ProductVisitor(visitor.stack, visitor.simulator).open(
            f"/oauth-callback?code={code}&returnUrl={quote(RETURN_URL, safe='')}"
        )
    )

    account = visitor.stack.stored(100001)
    assert landing == RETURN_URL
    assert (account.binding, account.client_reference_id) == (Binding.UNBOUND, "customer-1")
    assert token_calls(hubspot.simulator, "authorization_code") == 2


def test_a_redirect_of_the_token_endpoint_is_not_followed(visitor: ProductVisitor, hubspot: Running) -> None:
    url = visitor.callback_url()
    elsewhere = {"Location": f"{hubspot.url}/oauth/v3/token"}
    hubspot.simulator.faults.add(parse_fault({"kind": "status", "status": 307, "headers": elsewhere, "times": 1}))

    page = visitor.open(url)

    assert refusal_of(page) in {"hubspot_unavailable", "misconfigured"}
    assert token_calls(hubspot.simulator, "authorization_code") == 1
    assert visitor.stack.account(100001) is None


# HubSpot's consent page of the attacker's own app, which would send the browser on to the attacker with our state.
THEIR_CONSENT = "https://app.hubspot.com/oauth/authorize?scope=oauth&client_id=attackers-app&redirect_uri="
THEIR_CALLBACKS = ["https://evil.test/callback", "http://localhost:3000/oauth-callback"]


@pytest.mark.parametrize("their_callback", THEIR_CALLBACKS)
def test_no_state_is_ever_sent_to_the_consent_page_of_another_app(visitor: ProductVisitor, their_callback: str) -> None:
    page = THEIR_CONSENT + quote(their_callback, safe="")
    asked = InstallLink(int(visitor.stack.clock()) + 60, client_reference_id="victim", hubspot_return_url=page)

    without_sign_in = visitor.open(f"/oauth-callback?step=authorize&returnUrl={quote(page, safe='')}")

    assert refusal_of(without_sign_in) == "return_url_not_allowed"
    assert "cookies" not in without_sign_in
    with pytest.raises(InvalidRequest):
        visitor.stack.links.make(asked, "localhost")


def test_a_sign_in_page_never_hears_of_the_consent_page_of_another_app(make_stack: MakeStack, hubspot: Running) -> None:
    visitor = ProductVisitor(make_stack(SIGN_IN_URL="https://team.example.com/sign-in"), hubspot.simulator)
    page = THEIR_CONSENT + quote(THEIR_CALLBACKS[0], safe="")

    refused = visitor.open(f"/oauth-callback?step=authorize&returnUrl={quote(page, safe='')}")

    assert refusal_of(refused) == "return_url_not_allowed"


def test_the_consent_page_of_our_own_app_is_a_page_to_go_back_to(visitor: ProductVisitor) -> None:
    ours = {"client_id": visitor.stack.settings.client_id, "redirect_uri": "http://localhost:3000/oauth-callback"}
    page = f"https://app.hubspot.com/oauth/7/authorize?{urlencode(ours)}"

    landing = location(visitor.open(f"/oauth-callback?step=authorize&returnUrl={quote(page, safe='')}"))

    assert landing.startswith(f"{page}&state=")


def test_a_state_planted_in_the_page_to_go_back_to_gives_way_to_ours(visitor: ProductVisitor) -> None:
    planted = marketplace_state(visitor)
    page = f"{RETURN_URL}?state={planted}&%73tate={planted}"

    landing = location(visitor.open(f"/oauth-callback?step=authorize&returnUrl={quote(page, safe='')}"))

    assert planted not in landing
    assert len(parse_qs(urlsplit(landing).query)["state"]) == 1


def test_an_account_planted_in_return_to_gives_way_to_the_one_that_was_installed(visitor: ProductVisitor) -> None:
    landing = location(
        visitor.walk(return_to="https://app.example.com/done?hub_id=7&tab=1&state=planted#top", state="theirs")
    )

    assert landing == "https://app.example.com/done?tab=1&hub_id=100001&state=theirs#top"


def test_a_spent_code_tells_a_stranger_nothing_of_its_install(visitor: ProductVisitor) -> None:
    url = visitor.callback_url()
    visitor.open(url)
    stranger = ProductVisitor(visitor.stack, visitor.simulator)

    page = stranger.open(f"/oauth-callback?code={query_of(url)['code']}&returnUrl={quote(RETURN_URL, safe='')}")

    assert refusal_of(page) == "code_spent"


def test_one_code_under_two_states_of_a_browser_ends_where_the_first_of_them_leads(visitor: ProductVisitor) -> None:
    url = visitor.callback_url(return_to="https://app.example.com/first", state="1")
    other = query_of(location(visitor.install(return_to="https://app.example.com/second", state="2")))["state"]

    first = location(visitor.open(url))
    second = location(visitor.open(f"/oauth-callback?code={query_of(url)['code']}&state={other}"))

    assert first == second == "https://app.example.com/first?hub_id=100001&state=1"


def test_what_a_browser_says_of_the_host_decides_nothing(make_stack: MakeStack, hubspot: Running) -> None:
    lies = {"host": "evil.test", "x-forwarded-host": "evil.test", "forwarded": "host=evil.test;proto=http"}
    host = "abc.execute-api.eu-central-1.amazonaws.com"
    visitor = ProductVisitor(make_stack(REDIRECT_URL=""), hubspot.simulator, host=host, headers=lies)

    at_hubspot, page = location(visitor.install()), visitor.open("/oauth-callback")

    assert query_of(at_hubspot)["redirect_uri"] == f"https://{host}/oauth-callback"
    assert f'href="https://{host}/install"' in page["body"]
    assert "evil.test" not in at_hubspot + page["body"]


@pytest.mark.parametrize("address", ["https://evil.test/", "//app.example.com", "https://app.example.com@evil.test/"])
@pytest.mark.parametrize("field", ["return_to", "hubspot_return_url"])
def test_not_even_the_teams_back_end_gets_a_link_to_a_place_that_is_not_allowed(
    visitor: ProductVisitor, field: str, address: str
) -> None:
    given: dict[str, Any] = {field: address}
    wanted = InstallLink(int(visitor.stack.clock()) + 60, **given)

    with pytest.raises(InvalidRequest) as refused:
        visitor.stack.links.make(wanted, "localhost")

    assert refused.value.members == {"field": field}


def test_a_code_of_a_marketplace_install_is_not_taken_for_an_own_one(visitor: ProductVisitor, hubspot: Running) -> None:
    code = query_of(visitor.callback_url())["code"]
    visitor.open(f"/oauth-callback?code={code}&returnUrl={quote(RETURN_URL, safe='')}")

    page = visitor.open(f"/oauth-callback?code={code}&state={query_of(location(visitor.install()))['state']}")

    assert refusal_of(page) == "code_spent"
    assert token_calls(hubspot.simulator, "authorization_code") == 1


def test_a_marketplace_state_is_nothing_at_the_plain_callback(visitor: ProductVisitor, hubspot: Running) -> None:
    code = query_of(visitor.callback_url())["code"]

    page = visitor.open(f"/oauth-callback?code={code}&state={marketplace_state(visitor)}")

    assert refusal_of(page) == "return_url_not_allowed"
    assert token_calls(hubspot.simulator, "authorization_code") == 0


def test_a_marketplace_install_without_a_customer_is_unbound(visitor: ProductVisitor) -> None:
    at_hubspot = location(visitor.open(f"/oauth-callback?step=authorize&returnUrl={quote(RETURN_URL, safe='')}"))
    code = query_of(visitor.callback_url())["code"]
    final = {"step": "finalize", "code": code, "state": query_of(at_hubspot)["state"], "returnUrl": RETURN_URL}

    visitor.open(f"/oauth-callback?{urlencode(final)}")

    account = visitor.stack.stored(100001)
    assert (account.binding, account.client_reference_id) == (Binding.UNBOUND, None)


@pytest.mark.parametrize(
    ("wanted", "now", "code"),
    [
        ({"return_to": "https://app.example.com/done"}, {"RETURN_TO_ORIGINS": ""}, "return_to_not_allowed"),
        (
            {"hubspot_return_url": "https://app.hubspot.com/x?redirect_uri=http://localhost:3000/oauth-callback"},
            {"REDIRECT_URL": "http://localhost:3000/other-callback"},
            "return_url_not_allowed",
        ),
    ],
)
def test_an_older_link_to_a_place_that_is_no_longer_allowed_is_refused(
    make_stack: MakeStack, hubspot: Running, wanted: dict[str, Any], now: dict[str, str], code: str
) -> None:
    then = make_stack()
    link = then.links.make(InstallLink(int(then.clock()) + 60, **wanted), "localhost")

    assert refusal_of(ProductVisitor(make_stack(**now), hubspot.simulator).open(link)) == code


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException"])
def test_a_person_reads_a_page_though_aws_is_too_busy(visitor: ProductVisitor, code: str) -> None:
    url = visitor.callback_url()
    with Stubber(visitor.stack.dynamodb) as dynamodb:
        dynamodb.add_client_error("transact_write_items", code)
        page = visitor.open(url)

    assert (page["statusCode"], refusal_of(page)) == (500, "interrupted")
    assert token_calls(visitor.simulator, "authorization_code") == 0
    assert "You are connected" in visitor.open(url)["body"]


def test_a_person_reads_a_page_though_dynamodb_goes_on_cancelling(
    visitor: ProductVisitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = visitor.callback_url()
    monkeypatch.setattr(visitor.stack.spent_codes, "_sleep", lambda _: None)
    with Stubber(visitor.stack.dynamodb) as dynamodb:
        for _ in range(8):
            dynamodb.add_client_error("transact_write_items", "TransactionCanceledException")
            for _ in range(2):
                dynamodb.add_response("get_item", {})
        page = visitor.open(url)

    assert refusal_of(page) == "interrupted"
    assert "You are connected" in visitor.open(url)["body"]


def test_an_outcome_that_an_earlier_version_wrote_still_has_a_page(visitor: ProductVisitor) -> None:
    url = visitor.consent(location(visitor.install()), allowed=True)
    visitor.open(url)
    nonce = read_state(query_of(url)["state"], visitor.stack.state_keys()).nonce
    visitor.stack.spent_codes.finish(Attempt(nonce, None, 0, outcome="a_code_of_yesterday"))

    assert refusal_of(visitor.open(url)) == "interrupted"


def test_a_link_leads_to_one_place_only(visitor: ProductVisitor) -> None:
    wanted = InstallLink(
        int(visitor.stack.clock()) + 60, return_to="https://app.example.com/done", hubspot_return_url=RETURN_URL
    )

    with pytest.raises(InvalidRequest) as refused:
        visitor.stack.links.make(wanted, "localhost")

    assert refused.value.members == {"field": "return_to"}


def test_a_missing_permission_is_no_page_but_an_error_that_rings_the_alarm(visitor: ProductVisitor) -> None:
    url = visitor.callback_url()
    with Stubber(visitor.stack.dynamodb) as dynamodb:
        dynamodb.add_client_error("transact_write_items", "AccessDeniedException")
        with pytest.raises(ClientError):
            visitor.open(url)


@pytest.fixture
def unlisted(make_stack: MakeStack, hubspot: Running) -> ProductVisitor:
    """A visitor of an app that takes no Marketplace installs."""
    return ProductVisitor(make_stack(MARKETPLACE_INSTALLS="false"), hubspot.simulator)


@pytest.mark.parametrize(
    ("arrival", "has_button"),
    [("code=made-up", True), ("step=authorize", True), ("step=finalize&code=made-up&state={state}", False)],
)
def test_with_the_marketplace_off_its_arrivals_cost_no_call_and_no_write(
    visitor: ProductVisitor, unlisted: ProductVisitor, arrival: str, has_button: bool
) -> None:
    asked = arrival.format(state=marketplace_state(visitor))
    calls = record_calls(unlisted.stack.dynamodb)

    page = unlisted.open(f"/oauth-callback?{asked}&returnUrl={quote(RETURN_URL, safe='')}")

    assert refusal_of(page) == "marketplace_off"
    assert ('href="http://localhost:3000/install"' in page["body"]) == has_button
    assert calls == []
    assert token_calls(unlisted.simulator, "authorization_code") == 0


def test_with_the_marketplace_off_an_older_link_to_it_starts_here_for_the_same_customer(
    visitor: ProductVisitor, unlisted: ProductVisitor
) -> None:
    asked = InstallLink(int(unlisted.stack.clock()) + 60, "customer-1", hubspot_return_url=RETURN_URL)
    made_before = visitor.stack.links.make(asked, "localhost")

    with pytest.raises(InvalidRequest):
        unlisted.stack.links.make(asked, "localhost")

    unlisted.open(unlisted.consent(location(unlisted.open(made_before))))
    assert unlisted.stack.stored(100001).client_reference_id == "customer-1"


def test_with_the_marketplace_off_an_own_install_ends_as_ever(unlisted: ProductVisitor) -> None:
    assert location(unlisted.walk(return_to="https://app.example.com/done")).startswith("https://app.example.com/done?")
