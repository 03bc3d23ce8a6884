"""What the install flow gives to nobody who has not proved that it is theirs, and what a rotated key does not break."""

from collections.abc import Callable
from urllib.parse import quote

import pytest

from hubspot_oauth.credentials import STATE_REREAD_SECONDS
from hubspot_oauth.models import Binding
from hubspot_oauth.state import InstallLink
from local.hubspot import Running
from local.hubspot.faults import parse_fault
from tests.site import Visitor, calls, code_of, location, parameters
from tests.stack import Clock, Stack

MakeStack = Callable[..., Stack]
RETURN_URL = "https://app.hubspot.com/marketplace/continue"


def marketplace_state(visitor: Visitor) -> str:
    """A state minted for customer-1, who signed in on the way through the Marketplace."""
    link = InstallLink(int(visitor.stack.clock()) + 60, client_reference_id="customer-1", hubspot_return_url=RETURN_URL)
    return parameters(location(visitor.open(visitor.stack.starter.make_link(link, "localhost"))))["state"]


def start_again(page: dict[str, str]) -> str:
    """Where the button of a refusal leads."""
    return page["body"].split('class="button" href="')[1].split('"')[0]


@pytest.mark.parametrize("error", ["access_denied", "server_error"])
def test_a_marketplace_state_is_no_proof_that_gets_anyone_a_fresh_install_link(visitor: Visitor, error: str) -> None:
    state = marketplace_state(visitor)
    thief = Visitor(visitor.stack, visitor.simulator)

    page = thief.open(f"/oauth-callback?error={error}&state={state}")

    assert start_again(page) == "http://localhost:3000/install"


def test_a_refused_marketplace_install_offers_a_plain_start_only(visitor: Visitor) -> None:
    state = marketplace_state(visitor)
    thief = Visitor(visitor.stack, visitor.simulator)

    page = thief.open(f"/oauth-callback?code=unknown&state={state}&returnUrl={quote(RETURN_URL, safe='')}")

    assert code_of(page) == "code_rejected"
    assert start_again(page) == "http://localhost:3000/install"


@pytest.mark.parametrize("kind", ["a refusal", "an install still running"])
def test_only_the_marketplaces_last_step_may_be_framed_and_only_by_hubspot(
    visitor: Visitor, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"/oauth-callback?code=x&state={marketplace_state(visitor)}&returnUrl={quote(RETURN_URL, safe='')}"
    if kind == "an install still running":
        monkeypatch.setattr(visitor.stack.grants, "obtain", exit_at_once)
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
    visitor: Visitor, clock: Clock, make_stack: MakeStack
) -> None:
    visitor.open("/oauth-callback?code=x&state=forged")  # the callback has just read the keys
    visitor.stack.secrets.put_secret_value(SecretId=visitor.stack.settings.state_key_id, SecretString="the next key")
    starting = Visitor(make_stack(), visitor.simulator)
    url = starting.consent(location(starting.install()))
    clock.forward(STATE_REREAD_SECONDS)

    finishing = Visitor(visitor.stack, visitor.simulator, cookies=starting.cookies)

    assert "You are connected" in finishing.open(url)["body"]


def test_forged_states_make_the_keys_be_read_at_most_once_a_second(visitor: Visitor, clock: Clock) -> None:
    visitor.open("/oauth-callback?code=x&state=forged")
    made: list[str] = []
    visitor.stack.secrets.meta.events.register("before-call", lambda model, **_: made.append(model.name))

    for _ in range(20):
        visitor.open("/oauth-callback?code=x&state=forged")
    assert made == []

    clock.forward(STATE_REREAD_SECONDS)
    for _ in range(20):
        visitor.open("/oauth-callback?code=x&state=forged")
    assert made == ["GetSecretValue", "GetSecretValue"]


def test_an_unproved_reinstall_says_so_and_leaves_the_accounts_link_as_it_was(
    visitor: Visitor, hubspot: Running
) -> None:
    link = InstallLink(int(visitor.stack.clock()) + 60, client_reference_id="customer-1")
    visitor.open(visitor.consent(location(visitor.open(visitor.stack.starter.make_link(link, "localhost")))))
    code = parameters(visitor.consent(location(visitor.install())))["code"]

    landing = location(
        Visitor(visitor.stack, visitor.simulator).open(
            f"/oauth-callback?code={code}&returnUrl={quote(RETURN_URL, safe='')}"
        )
    )

    account = visitor.stack.accounts.get(100001)
    assert account
    assert landing == RETURN_URL
    assert (account.binding, account.client_reference_id) == (Binding.UNBOUND, "customer-1")
    assert calls(hubspot.simulator, "authorization_code") == 2


def test_a_redirect_of_the_token_endpoint_is_not_followed(visitor: Visitor, hubspot: Running) -> None:
    url = visitor.consent(location(visitor.install()))
    elsewhere = {"Location": f"{hubspot.url}/oauth/v3/token"}
    hubspot.simulator.faults.add(parse_fault({"kind": "status", "status": 307, "headers": elsewhere, "times": 1}))

    page = visitor.open(url)

    assert code_of(page) in {"hubspot_unavailable", "misconfigured"}
    assert calls(hubspot.simulator, "authorization_code") == 1
    assert visitor.stack.accounts.get(100001) is None
