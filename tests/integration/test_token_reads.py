"""What a caller who asks for a token gets, and when that refreshes it, against a HubSpot that speaks HTTP."""

from collections.abc import Callable
from functools import partial, reduce

import pytest

from hubspot_oauth.domain import call_timeouts
from hubspot_oauth.domain.account import Account, Failure, GrantKey
from hubspot_oauth.domain.api_errors import (
    AccountNotFound,
    HubSpotUnavailable,
    RefreshInProgress,
    TokenRejected,
    Unavailable,
)
from hubspot_oauth.domain.tokens import fingerprint
from simulator import Running
from tests.support.simulated_hubspot import fail_refreshes, token_calls
from tests.support.stack import Clock, Stack, renewal_of, throttle_commits

HUB_ID = 100001


def held_by_another(stack: Stack, clock: Clock) -> Account:
    held = stack.accounts.lease_seen(stack.stored(HUB_ID), "another", int(clock()))
    assert held
    return held


def meanwhile(monkeypatch: pytest.MonkeyPatch, stack: Stack, act: Callable[[], object]) -> None:
    """Let this happen elsewhere while a reader waits."""
    real = stack.access_tokens.sleep

    def sleep(seconds: float) -> None:
        real(seconds)
        act()

    monkeypatch.setattr(stack.access_tokens, "sleep", sleep)


def test_a_stored_token_is_handed_out_without_asking_hubspot(installed: Stack, hubspot: Running) -> None:
    token = installed.token(HUB_ID)

    assert token.hub_id == HUB_ID
    assert token_calls(hubspot.simulator, "refresh_token") == 0


def test_an_unknown_account_is_not_found(installed: Stack) -> None:
    with pytest.raises(AccountNotFound):
        installed.token(404)


def test_an_expired_token_is_refreshed_for_its_reader(expired: Stack, clock: Clock) -> None:
    token, again = [expired.token(HUB_ID) for _ in range(2)]

    assert token.expires_at > clock()
    assert again == token
    assert expired.stored(HUB_ID).version == 2
    assert expired.reports.total("RefreshedOnRead") == 1


def test_min_ttl_is_at_most_the_margin(installed: Stack, clock: Clock, hubspot: Running) -> None:
    clock.forward(600)

    installed.token(HUB_ID, min_ttl=99_999)
    assert token_calls(hubspot.simulator, "refresh_token") == 0

    clock.forward(700)
    installed.token(HUB_ID, min_ttl=99_999)
    assert token_calls(hubspot.simulator, "refresh_token") == 1


def test_a_valid_token_is_handed_out_at_once_while_another_refreshes_it(overdue: Stack, clock: Clock) -> None:
    overdue.accounts.lease_due(GrantKey.of_account(HUB_ID), "another", int(clock()))
    asked_at = clock()

    assert overdue.token(HUB_ID, min_ttl=600).token
    assert clock() == asked_at


def test_a_reader_of_an_expired_token_waits_three_seconds_for_the_lease_owner(expired: Stack, clock: Clock) -> None:
    expired.accounts.lease_due(GrantKey.of_account(HUB_ID), "another", int(clock()))

    with pytest.raises(RefreshInProgress) as caught:
        expired.token(HUB_ID)

    assert caught.value.retry_after
    assert call_timeouts.LEASE_SECONDS - 6 <= caught.value.retry_after <= call_timeouts.LEASE_SECONDS - 3


def test_a_reader_does_not_wait_for_a_lease_owner_that_has_let_go_without_a_token(
    expired: Stack, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = held_by_another(expired, clock)
    meanwhile(
        monkeypatch,
        expired,
        lambda: expired.accounts.try_later(held, int(clock()) + 40, Failure(int(clock()), "timeout")),
    )
    asked_at = clock()

    with pytest.raises(HubSpotUnavailable) as caught:
        expired.token(HUB_ID)

    assert clock() - asked_at < 0.5
    assert caught.value.retry_after
    assert 35 <= caught.value.retry_after <= 40


def test_a_rejected_token_is_replaced_once_however_many_ask(installed: Stack, clock: Clock, hubspot: Running) -> None:
    clock.forward(120)
    rejected = installed.token(HUB_ID)

    tokens = {installed.token(HUB_ID, rejected=rejected.fingerprint).token for _ in range(5)}

    assert len(tokens) == 1
    assert rejected.token not in tokens
    assert token_calls(hubspot.simulator, "refresh_token") == 1


def test_a_young_token_is_not_replaced_on_request(installed: Stack) -> None:
    token = installed.token(HUB_ID)

    with pytest.raises(TokenRejected):
        installed.token(HUB_ID, rejected=token.fingerprint)


def test_the_fingerprint_of_another_token_changes_nothing(installed: Stack, hubspot: Running) -> None:
    installed.token(HUB_ID, rejected=fingerprint("an older one"))

    assert token_calls(hubspot.simulator, "refresh_token") == 0


def test_readers_of_an_expired_token_try_hubspot_once_while_it_is_down(expired: Stack, hubspot: Running) -> None:
    fail_refreshes(hubspot.simulator, kind="status", status=503)

    for _ in range(10):
        with pytest.raises(HubSpotUnavailable):
            expired.token(HUB_ID)

    assert token_calls(hubspot.simulator, "refresh_token") == 1


def test_a_token_that_is_still_good_survives_an_outage(overdue: Stack, hubspot: Running) -> None:
    fail_refreshes(hubspot.simulator, kind="status", status=503)

    assert overdue.token(HUB_ID, min_ttl=600).token


def slow(monkeypatch: pytest.MonkeyPatch, stack: Stack, part: str, seconds: float) -> None:
    """Let each call of this part take so many seconds."""
    owner_path, _, name = part.rpartition(".")
    owner = reduce(getattr, owner_path.split("."), stack)
    real = getattr(owner, name)

    def call(*given: object, **named: object) -> object:
        stack.sleep(seconds)
        return real(*given, **named)

    monkeypatch.setattr(owner, name, call)


@pytest.mark.parametrize("part", ["hubspot.refresh", "vault.sealer", "breaker.state", "accounts.lease_seen"])
def test_a_token_that_expired_during_a_slow_call_is_not_handed_out(
    installed: Stack, clock: Clock, hubspot: Running, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    clock.forward(installed.stored(HUB_ID).expires_at - clock() - 2.5)
    fail_refreshes(hubspot.simulator, kind="status", status=503)
    slow(monkeypatch, installed, part, 8)

    with pytest.raises(Unavailable) as caught:
        installed.token(HUB_ID, min_ttl=4)

    assert caught.value.retry_after


@pytest.mark.parametrize("part", ["accounts.get", "vault.unseal"])
def test_a_token_that_expired_while_it_was_read_is_replaced(
    installed: Stack, clock: Clock, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    clock.forward(installed.stored(HUB_ID).expires_at - clock() - 62)
    slow(monkeypatch, installed, part, 3)

    assert installed.token(HUB_ID).expires_at > clock() + 600


def test_a_new_token_that_lives_no_longer_than_its_storing_is_not_handed_out(
    expired: Stack, hubspot: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    hubspot.simulator.change(token_lifetime=5)
    slow(monkeypatch, expired, "rescuing_store.store", 8)

    with pytest.raises(HubSpotUnavailable) as caught:
        expired.token(HUB_ID)

    assert caught.value.retry_after


def test_a_token_with_less_than_a_second_left_is_replaced_however_short_tokens_live(
    expired: Stack, clock: Clock, hubspot: Running
) -> None:
    hubspot.simulator.change(token_lifetime=3)
    short = expired.token(HUB_ID)
    hubspot.simulator.change(token_lifetime=1800)
    clock.forward(short.expires_at - clock() - 0.9)

    assert expired.token(HUB_ID).expires_at > clock() + 600


def test_a_waiting_reader_does_not_get_a_token_that_expired_while_it_was_opened(
    expired: Stack, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = held_by_another(expired, clock)
    meanwhile(monkeypatch, expired, lambda: committed(expired, held, lives=2))
    slow(monkeypatch, expired, "vault.unseal", 3)

    with pytest.raises(HubSpotUnavailable) as caught:
        expired.token(HUB_ID)

    assert caught.value.retry_after


def committed(stack: Stack, held: Account, *, lives: int) -> bool:
    """The lease owner stores the same access token with a new expiry, as after a new refresh token alone."""
    expires_at = int(stack.clock()) + lives
    return stack.accounts.commit(renewal_of(held, expires_at=expires_at, refresh_at=expires_at))


@pytest.mark.parametrize("when", ["before the lease", "while it waits"])
def test_a_rejected_token_is_not_handed_out_again_when_another_stored_a_refresh_token_alone(
    installed: Stack, clock: Clock, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    clock.forward(120)
    rejected = installed.token(HUB_ID)
    held = held_by_another(installed, clock) if when == "while it waits" else installed.stored(HUB_ID)
    another_stores = partial(committed, installed, held, lives=600)
    if when == "while it waits":
        meanwhile(monkeypatch, installed, another_stores)
    else:
        real = installed.hubspot.refresh
        monkeypatch.setattr(installed.hubspot, "refresh", lambda *given: [another_stores(), real(*given)][1])

    with pytest.raises(HubSpotUnavailable):
        installed.token(HUB_ID, rejected=rejected.fingerprint)


def test_a_reader_gets_its_token_though_it_could_only_be_rescued(
    expired: Stack, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    throttle_commits(expired, monkeypatch)

    assert expired.token(HUB_ID).expires_at > clock()


def test_a_waiting_reader_looks_again_when_the_lease_owner_let_go_without_a_try(
    expired: Stack, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = held_by_another(expired, clock)
    meanwhile(monkeypatch, expired, lambda: expired.accounts.let_go(held, None))

    with pytest.raises(RefreshInProgress):
        expired.token(HUB_ID)


def test_an_answer_for_another_account_is_neither_stored_nor_handed_out(expired: Stack, hubspot: Running) -> None:
    fail_refreshes(hubspot.simulator, kind="with", fields={"hub_id": 100002})

    with pytest.raises(HubSpotUnavailable):
        expired.token(HUB_ID)

    assert expired.stored(HUB_ID).version == 1
