"""The install flow, from link to stored grant, against a HubSpot that speaks HTTP."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from hubspot_oauth.domain.account import Binding, Status
from hubspot_oauth.domain.install_state import STATE_SECONDS, InstallLink
from hubspot_oauth.install.attempt import PENDING_SECONDS
from hubspot_oauth.install.cookies import COOKIE_SECONDS
from simulator import Running
from tests.support.browser_reading import button_target, query_of
from tests.support.product_visitor import ProductVisitor, location, refusal_of
from tests.support.simulated_hubspot import token_calls
from tests.support.stack import Clock, Stack, record_calls

MakeStack = Callable[..., Stack]


def test_the_install_link_leads_to_hubspots_page_with_what_it_documents(visitor: ProductVisitor) -> None:
    url = location(visitor.install())

    assert urlsplit(url).path == "/oauth/authorize"
    assert "scope=oauth%20crm.objects.contacts.read" in url
    given = query_of(url)
    assert set(given) == {"client_id", "redirect_uri", "scope", "optional_scope", "state"}
    assert given["client_id"] == visitor.stack.settings.client_id
    assert given["redirect_uri"] == "http://localhost:3000/oauth-callback"
    assert given["optional_scope"] == "tickets"
    assert given["state"]


def test_a_link_for_one_account_starts_at_that_accounts_page(visitor: ProductVisitor) -> None:
    assert urlsplit(location(visitor.install(hub_id="100002"))).path == "/oauth/100002/authorize"


def test_the_straight_path_stores_a_sealed_grant_and_says_so(visitor: ProductVisitor) -> None:
    page = visitor.walk()

    assert page["statusCode"] == 200
    assert "You are connected" in page["body"]
    account = visitor.stack.stored(100001)
    assert (account.status, account.binding, account.version) == (Status.ACTIVE, Binding.BOUND, 1)
    assert account.scopes == ("oauth", "crm.objects.contacts.read", "tickets")
    assert visitor.stack.vault.unseal(account).refresh_token.startswith("na1-")


def test_starting_an_install_writes_nothing_and_warm_makes_no_aws_call(visitor: ProductVisitor) -> None:
    visitor.install()
    made = record_calls(visitor.stack.dynamodb, visitor.stack.kms, visitor.stack.secrets_manager, visitor.stack.sqs)

    location(visitor.install())

    assert made == []


def test_a_warm_callback_makes_three_aws_calls(visitor: ProductVisitor) -> None:
    visitor.walk()
    url = visitor.callback_url()
    made = record_calls(visitor.stack.dynamodb, visitor.stack.kms, visitor.stack.secrets_manager, visitor.stack.sqs)

    visitor.open(url)

    assert made == ["TransactWriteItems", "UpdateItem", "UpdateItem"]


def test_the_cookie_is_its_own_for_each_tab(visitor: ProductVisitor) -> None:
    first = visitor.callback_url()
    second = visitor.callback_url(100002)

    assert len(visitor.cookies) == 2
    assert "You are connected" in visitor.open(second)["body"]
    assert "You are connected" in visitor.open(first)["body"]


def test_on_localhost_the_cookie_is_not_secure_and_everywhere_else_it_is_pinned_to_the_host(
    make_stack: MakeStack, hubspot: Running
) -> None:
    local = ProductVisitor(make_stack(), hubspot.simulator).install()["cookies"][0]
    public = make_stack(REDIRECT_URL="https://auth.example.com/oauth-callback")
    remote = ProductVisitor(public, hubspot.simulator, host="auth.example.com").install()["cookies"][0]

    assert "Secure" not in local
    assert not local.startswith("__Host-")
    assert remote.startswith("__Host-hubspot-install-")
    for cookie in (local, remote):
        assert "HttpOnly; SameSite=Lax" in cookie
        assert "Path=/; Max-Age=3600" in cookie
    assert remote.endswith("; Secure")


def test_a_start_on_another_host_is_sent_to_the_redirect_urls_host_once(
    make_stack: MakeStack, hubspot: Running
) -> None:
    stack = make_stack(REDIRECT_URL="https://auth.example.com/oauth-callback")
    visitor = ProductVisitor(stack, hubspot.simulator, host="abc.execute-api.eu-central-1.amazonaws.com")

    bounced = location(visitor.install(hub_id="7", state="theirs"))

    assert bounced.startswith("https://auth.example.com/install?hub_id=7&state=theirs&bounced=1")
    assert location(visitor.open(bounced)).startswith(hubspot.url)


def test_without_a_client_secret_the_page_says_what_the_operator_must_do(visitor: ProductVisitor) -> None:
    visitor.stack.secrets_manager.delete_secret(SecretId="client-secret", ForceDeleteWithoutRecovery=True)
    created = visitor.stack.secrets_manager.create_secret(Name="client-secret-2")
    visitor.stack.client_secret._secret_id = created["ARN"]

    page = visitor.install()

    assert (page["statusCode"], refusal_of(page)) == (503, "not_configured")
    assert "make secret" in page["body"]


def test_a_return_to_on_an_allowed_origin_gets_the_account_and_the_callers_state(visitor: ProductVisitor) -> None:
    landing = location(visitor.walk(return_to="https://app.example.com/done?x=1", state="their own & state"))

    assert landing == "https://app.example.com/done?x=1&hub_id=100001&state=their%20own%20%26%20state"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"hub_id": "0123"}, "invalid_request"),
        ({"hub_id": "１２３"}, "invalid_request"),
        ({"return_to": "https://evil.test/"}, "return_to_not_allowed"),
        ({"return_to": "//app.example.com"}, "return_to_not_allowed"),
        ({"state": "x" * 513}, "invalid_request"),
        ({"state": "é" * 257}, "invalid_request"),
        ({"hub_id": ""}, "invalid_request"),
        ({"return_to": ""}, "invalid_request"),
        ({"link": ""}, "link_invalid"),
        ({"link": "forged"}, "link_invalid"),
    ],
)
def test_a_bad_value_gets_a_page_with_a_code(visitor: ProductVisitor, query: dict[str, str], code: str) -> None:
    page = visitor.install(**query)

    assert (page["statusCode"], refusal_of(page)) == (400, code)
    assert "cookies" not in page


def test_a_parameter_given_twice_is_refused(visitor: ProductVisitor) -> None:
    assert refusal_of(visitor.open("/install?hub_id=1&hub_id=2")) == "invalid_request"


def test_saying_no_gets_a_page_that_starts_the_same_install_again(visitor: ProductVisitor) -> None:
    url = visitor.consent(location(visitor.install(return_to="https://app.example.com/done")), allowed=False)

    page = visitor.open(url)

    assert refusal_of(page) == "install_cancelled"
    again = button_target(page["body"]).replace("&amp;", "&")
    assert location(visitor.open(visitor.consent(location(visitor.open(again))))).startswith("https://app.example.com")


def test_nothing_from_the_query_is_shown_on_a_page(visitor: ProductVisitor) -> None:
    page = visitor.open("/oauth-callback?error=%3Cscript%3E&error_description=%3Cscript%3Ealert(1)%3C/script%3E")

    assert refusal_of(page) == "hubspot_refused"
    assert "alert" not in page["body"]


def test_a_bare_visit_says_where_to_start(visitor: ProductVisitor) -> None:
    page = visitor.open("/oauth-callback")

    assert page["statusCode"] == 200
    assert 'href="http://localhost:3000/install"' in page["body"]


def test_a_code_without_state_or_return_url_starts_a_flow_of_ours(visitor: ProductVisitor, hubspot: Running) -> None:
    landing = location(visitor.open("/oauth-callback?code=somebodys"))

    assert landing == "http://localhost:3000/install"
    assert token_calls(hubspot.simulator, "authorization_code") == 0


def test_a_reload_gets_the_same_landing_without_a_second_exchange(visitor: ProductVisitor, hubspot: Running) -> None:
    url = visitor.callback_url()

    first, second = visitor.open(url), visitor.open(url)

    assert first["body"] == second["body"]
    assert token_calls(hubspot.simulator, "authorization_code") == 1


def test_a_reload_after_a_refusal_gets_the_same_refusal(visitor: ProductVisitor, hubspot: Running) -> None:
    url = visitor.callback_url()
    unknown = url.replace("code=", "code=x")

    first, second = visitor.open(unknown), visitor.open(unknown)

    assert refusal_of(first) == refusal_of(second) == "code_rejected"
    assert token_calls(hubspot.simulator, "authorization_code") == 1


def test_another_browser_gets_nothing(visitor: ProductVisitor, hubspot: Running) -> None:
    url = visitor.callback_url()
    thief = ProductVisitor(visitor.stack, hubspot.simulator)

    assert refusal_of(thief.open(url)) == "browser_mismatch"
    assert token_calls(hubspot.simulator, "authorization_code") == 0

    visitor.open(url)
    assert refusal_of(thief.open(url)) == "browser_mismatch"


def test_an_expired_state_is_refused_before_the_exchange(
    visitor: ProductVisitor, clock: Clock, hubspot: Running
) -> None:
    url = visitor.callback_url()
    clock.forward(STATE_SECONDS)

    assert refusal_of(visitor.open(url)) == "state_expired"
    assert token_calls(hubspot.simulator, "authorization_code") == 0


def test_a_person_whose_cookie_has_expired_is_told_that_it_took_too_long(
    visitor: ProductVisitor, clock: Clock, hubspot: Running
) -> None:
    url = visitor.callback_url()
    clock.forward(COOKIE_SECONDS)
    visitor.cookies.clear()

    assert refusal_of(visitor.open(url)) == "state_expired"
    assert token_calls(hubspot.simulator, "authorization_code") == 0


def test_a_stranger_learns_nothing_of_an_install_after_its_state_has_expired(
    visitor: ProductVisitor, clock: Clock
) -> None:
    url = visitor.callback_url()
    visitor.open(url)
    clock.forward(STATE_SECONDS)

    assert refusal_of(ProductVisitor(visitor.stack, visitor.simulator).open(url)) == "state_expired"


def test_the_cookie_outlives_its_state() -> None:
    assert COOKIE_SECONDS > STATE_SECONDS


def test_a_landing_outlives_its_state(visitor: ProductVisitor, clock: Clock) -> None:
    url = visitor.callback_url()
    visitor.open(url)
    clock.forward(STATE_SECONDS)

    assert "You are connected" in visitor.open(url)["body"]


def test_a_forged_state_is_refused(visitor: ProductVisitor) -> None:
    assert refusal_of(visitor.open("/oauth-callback?code=x&state=forged")) == "state_invalid"


def test_one_code_under_two_states_is_exchanged_once(visitor: ProductVisitor, hubspot: Running) -> None:
    url = visitor.callback_url()
    other_state = query_of(location(visitor.install()))["state"]
    visitor.open(url)
    doubled = f"/oauth-callback?code={query_of(url)['code']}&state={other_state}"

    assert "You are connected" in visitor.open(doubled)["body"]

    thief = ProductVisitor(visitor.stack, hubspot.simulator)
    theirs = query_of(location(thief.install()))["state"]
    assert refusal_of(thief.open(f"/oauth-callback?code={query_of(url)['code']}&state={theirs}")) == "code_spent"
    assert token_calls(hubspot.simulator, "authorization_code") == 1


def test_an_attempt_that_died_reads_as_interrupted(
    visitor: ProductVisitor, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = visitor.callback_url()

    def die(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(visitor.stack.hubspot, "exchange", die)
        with pytest.raises(SystemExit):
            visitor.open(url)

    assert "Finishing the installation" in visitor.open(url)["body"]
    clock.forward(PENDING_SECONDS)
    assert refusal_of(visitor.open(url)) == "interrupted"


def test_another_account_than_the_asked_one_is_refused_and_harms_no_grant(
    visitor: ProductVisitor, hubspot: Running
) -> None:
    visitor.walk(100002)
    working = visitor.stack.account(100002)
    at_hubspot = location(visitor.install(hub_id="100001"))

    page = visitor.open(visitor.consent(at_hubspot.replace("/oauth/100001/", "/oauth/"), 100002))

    assert refusal_of(page) == "wrong_account"
    assert visitor.stack.account(100002) == working
    assert visitor.stack.account(100001) is None
    assert "revoke" not in hubspot.simulator.journal.counters()["by_endpoint"]


def test_a_wrong_account_we_hold_nothing_for_is_revoked(visitor: ProductVisitor, hubspot: Running) -> None:
    at_hubspot = location(visitor.install(hub_id="100001"))

    visitor.open(visitor.consent(at_hubspot.replace("/oauth/100001/", "/oauth/"), 100002))

    assert visitor.stack.account(100002) is None
    assert hubspot.simulator.journal.counters()["by_endpoint"]["revoke"]


def test_a_missing_required_scope_is_refused(visitor: ProductVisitor, hubspot: Running, make_stack: MakeStack) -> None:
    url = visitor.callback_url()
    strict = make_stack(REQUIRED_SCOPES="oauth crm.objects.contacts.read crm.objects.deals.read")
    strict_visitor = ProductVisitor(strict, hubspot.simulator, cookies=visitor.cookies)

    page, reloaded = strict_visitor.open(url), strict_visitor.open(url)

    assert [refusal_of(page), refusal_of(reloaded)] == ["scopes_missing"] * 2
    assert "<code>crm.objects.deals.read</code></li></ul>" in page["body"]
    assert reloaded["body"] == page["body"]
    assert strict.account(100001) is None


def test_a_signed_link_ties_the_account_to_its_reference(visitor: ProductVisitor) -> None:
    now = int(visitor.stack.clock())
    link = visitor.stack.links.make(InstallLink(now + 60, client_reference_id="customer-1"), "localhost")

    visitor.open(visitor.consent(location(visitor.open(link))))

    account = visitor.stack.stored(100001)
    assert account.client_reference_id == "customer-1"


def test_a_second_reference_is_refused(visitor: ProductVisitor) -> None:
    now = int(visitor.stack.clock())
    for reference, expected in (("customer-1", None), ("customer-2", "account_already_linked")):
        link = visitor.stack.links.make(InstallLink(now + 60, client_reference_id=reference), "localhost")
        page = visitor.open(visitor.consent(location(visitor.open(link))))
        assert refusal_of(page) == expected


def test_an_expired_link_is_refused(visitor: ProductVisitor, clock: Clock) -> None:
    link = visitor.stack.links.make(InstallLink(int(clock()) + 60), "localhost")
    clock.forward(60)

    assert refusal_of(visitor.open(link)) == "link_expired"


def test_a_client_secret_rotated_fails_no_install(visitor: ProductVisitor, hubspot: Running) -> None:
    visitor.stack.rotate_client_secret(hubspot.simulator)

    page = visitor.walk(100002)

    assert "You are connected" in page["body"]
    assert token_calls(hubspot.simulator, "authorization_code") == 2
    assert visitor.stack.account(100002)


def test_a_client_secret_rotated_at_hubspot_alone_costs_one_call_and_no_account(
    visitor: ProductVisitor, hubspot: Running
) -> None:
    hubspot.simulator.change(client_secret="rotated")

    page = visitor.walk(100001)

    assert refusal_of(page) == "misconfigured"
    assert token_calls(hubspot.simulator, "authorization_code") == 1
    assert visitor.stack.account(100001) is None


def test_a_state_key_rotated_in_the_middle_fails_no_install(
    visitor: ProductVisitor, clock: Clock, make_stack: MakeStack
) -> None:
    url = visitor.callback_url()
    visitor.stack.secrets_manager.put_secret_value(
        SecretId=visitor.stack.settings.state_key_id, SecretString="the next key"
    )
    fresh = ProductVisitor(make_stack(), visitor.simulator, cookies=visitor.cookies)

    assert "You are connected" in fresh.open(url)["body"]

    signed_anew = fresh.callback_url()
    clock.forward(20)
    stale = ProductVisitor(visitor.stack, visitor.simulator, cookies=fresh.cookies)
    assert "You are connected" in stale.open(signed_anew)["body"]
