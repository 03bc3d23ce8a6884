"""Every refusal over HTTP: its code, its status, its words, and nothing stored."""

import html
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from hubspot_oauth.domain.install_state import InstallLink, InstallState
from hubspot_oauth.install import refusal_texts
from hubspot_oauth.install.attempt import PENDING_SECONDS
from hubspot_oauth.install.refusal import Refusal
from hubspot_oauth.install.signed_state import read_state, sign_link, sign_state
from tests.support import twin_process
from tests.support.team_twin import (
    Browsers,
    callback,
    fresh_code,
    marketplace,
    start_install,
    state_key,
)
from tests.support.twin_client import ACME, BEISPIEL
from tests.support.twin_process import TwinProcess
from tests.support.twin_visitor import TwinVisitor, refusal_of

pytestmark = pytest.mark.takes(seconds=25)

Way = Callable[[TwinProcess, TwinVisitor], requests.Response]


def with_code(twin: TwinProcess, visitor: TwinVisitor, code: str | None = None, **wanted: object) -> requests.Response:
    return visitor.open(callback(twin, code=code or fresh_code(twin), state=start_install(twin, visitor, **wanted)))


def with_fault(twin: TwinProcess, visitor: TwinVisitor, **fault: object) -> requests.Response:
    twin.simulate("faults", grant_type="authorization_code", **fault)
    return with_code(twin, visitor)


def expired_link(twin: TwinProcess, visitor: TwinVisitor) -> requests.Response:
    return visitor.start(link=sign_link(InstallLink(int(time.time())), [state_key(twin)]))


def expired_state(twin: TwinProcess, visitor: TwinVisitor) -> requests.Response:
    state = read_state(start_install(twin, visitor), [state_key(twin)])
    old = InstallState(state.kind, state.nonce, int(time.time()), state.browser, state.redirect_uri)
    return visitor.open(callback(twin, code=fresh_code(twin), state=sign_state(old, [state_key(twin)])))


def died_over_it(twin: TwinProcess, visitor: TwinVisitor) -> requests.Response:
    """An attempt whose function died: it began long ago and has no outcome."""
    signed = start_install(twin, visitor)
    nonce = read_state(signed, [state_key(twin)]).nonce
    began = str(int(time.time()) - PENDING_SECONDS)
    twin.aws("dynamodb").put_item(
        TableName=twin.outputs["ScratchTableName"],
        Item={"pk": {"S": f"attempt#{nonce}"}, "attempt_id": {"S": nonce}, "started_at": {"N": began}},
    )
    return visitor.open(callback(twin, code=fresh_code(twin), state=signed))


def spent_by_another(twin: TwinProcess, visitor: TwinVisitor) -> requests.Response:
    code = fresh_code(twin)
    with_code(twin, TwinVisitor(twin), code)
    return with_code(twin, visitor, code)


def another_account(twin: TwinProcess, visitor: TwinVisitor) -> requests.Response:
    return with_code(twin, visitor, fresh_code(twin, BEISPIEL), hub_id=ACME)


def another_customer(twin: TwinProcess, visitor: TwinVisitor) -> requests.Response:
    with_code(twin, visitor, client_reference_id="customer-1")
    return with_code(twin, visitor, client_reference_id="customer-2")


WAYS: dict[str, Way] = {
    "invalid_request": lambda _, visitor: visitor.start(hub_id="0123"),
    "return_to_not_allowed": lambda _, visitor: visitor.start(return_to="https://evil.test/"),
    "return_url_not_allowed": lambda twin, visitor: visitor.open(
        callback(twin, code="x", returnUrl="https://evil.test/")
    ),
    "link_invalid": lambda _, visitor: visitor.start(link="forged"),
    "link_expired": expired_link,
    "state_invalid": lambda twin, visitor: visitor.open(callback(twin, code="x", state="forged")),
    "state_expired": expired_state,
    "browser_mismatch": lambda twin, visitor: visitor.open(
        callback(twin, code="x", state=start_install(twin, TwinVisitor(twin)))
    ),
    "install_cancelled": lambda _, visitor: visitor.land(
        visitor.consent(visitor.start().headers["location"], ACME, "cancel")
    ),
    "hubspot_refused": lambda twin, visitor: visitor.open(callback(twin, error="server_error")),
    "code_spent": spent_by_another,
    "interrupted": died_over_it,
    "code_rejected": lambda twin, visitor: with_code(twin, visitor, "unknown-to-hubspot"),
    "misconfigured": lambda twin, visitor: with_fault(twin, visitor, kind="error", error="BAD_REDIRECT_URI"),
    "hubspot_unavailable": lambda twin, visitor: with_fault(twin, visitor, kind="status", status=502),
    "wrong_account": another_account,
    "scopes_missing": lambda twin, visitor: with_fault(twin, visitor, kind="with", fields={"scopes": ["oauth"]}),
    "account_already_linked": another_customer,
}
ELSEWHERE_TESTED = {
    "not_configured": "test_without_a_client_secret_both_pages_say_what_the_operator_must_do",
    "marketplace_off": "test_a_twin_of_an_unlisted_app_takes_no_marketplace_installs",
}


def test_every_refusal_code_has_a_way_to_it_over_http_and_no_other() -> None:
    assert sorted(WAYS | ELSEWHERE_TESTED) == sorted(refusal_texts.BY_CODE)
    assert all(name in globals() for name in ELSEWHERE_TESTED.values())


@pytest.mark.parametrize("refusal", [r for r in refusal_texts.ALL if r.code in WAYS], ids=lambda refusal: refusal.code)
def test_a_refusal_over_http_has_its_code_status_and_words_and_stores_nothing(
    team: TwinProcess, browsers: Browsers, refusal: Refusal
) -> None:
    page = WAYS[refusal.code](team, browsers())

    assert (refusal_of(page), page.status_code) == (refusal.code, refusal.status)
    assert refusal.title in html.unescape(page.text)
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    if refusal.code not in {"account_already_linked", "code_spent"}:  # those begin with an install that succeeds
        assert team.account(ACME) == team.account(BEISPIEL) == {}


def test_without_a_client_secret_both_pages_say_what_the_operator_must_do(tmp_path: Path) -> None:
    with twin_process.running(tmp_path / "state", environment={"HUBSPOT_CLIENT_SECRET": ""}) as bare:
        seamless = marketplace(bare, "seamless")

        pages = [TwinVisitor(bare).start(), TwinVisitor(bare).open(seamless)]

        assert [(refusal_of(page), page.status_code) for page in pages] == [("not_configured", 503)] * 2
        assert all("make secret" in page.text for page in pages)
        assert bare.token_calls("authorization_code") == 0


def test_a_twin_of_an_unlisted_app_takes_no_marketplace_installs(tmp_path: Path) -> None:
    with twin_process.running(tmp_path / "state", "--parameter", "MarketplaceInstalls=false") as unlisted:
        page = TwinVisitor(unlisted).open(marketplace(unlisted, "seamless"))

        assert (refusal_of(page), page.status_code) == ("marketplace_off", 400)
        assert unlisted.token_calls("authorization_code") == 0


def test_the_refusals_left_no_code_token_cookie_or_state_in_the_logs(team_leaks: Callable[[int], list[str]]) -> None:
    assert team_leaks(10) == []
