"""Refreshing against a HubSpot that speaks HTTP: the schedule's path and the reader's."""

import json
from collections.abc import Callable

import pytest
from botocore.stub import Stubber

from hubspot_oauth.adapters.client_secret import CACHE_SECONDS, REREAD_SECONDS, RETRY_SECONDS
from hubspot_oauth.adapters.rescue_queue import from_message
from hubspot_oauth.domain import deadlines, timing
from hubspot_oauth.domain.account import Account, GrantKey, Status
from hubspot_oauth.domain.errors import (
    AccountNotFound,
    Fault,
    HubSpotUnavailable,
    NeedsReinstall,
    RefreshInProgress,
    TokenRejected,
)
from hubspot_oauth.domain.tokens import fingerprint
from hubspot_oauth.refresh.breaker_state import DEATHS_LEAST
from simulator import Running
from simulator.faults import parse_fault
from tests.site import Visitor, calls
from tests.stack import Clock, Stack, a_minute, table_key

HUB_ID = 100001


def stored(stack: Stack) -> Account:
    account = stack.account(HUB_ID)
    assert account
    return account


def refresh_token(stack: Stack) -> str:
    return stack.vault.unseal(stored(stack)).refresh_token


@pytest.fixture
def installed(visitor: Visitor) -> Stack:
    visitor.walk(HUB_ID)
    return visitor.stack


@pytest.fixture
def overdue(installed: Stack, clock: Clock) -> Stack:
    """Due, and not yet expired."""
    clock.forward(1500)
    return installed


@pytest.fixture
def expired(installed: Stack, clock: Clock) -> Stack:
    clock.forward(1900)
    return installed


def test_nothing_is_refreshed_before_it_is_due(installed: Stack, hubspot: Running) -> None:
    installed.tick()

    assert calls(hubspot.simulator, "refresh_token") == 0


def test_a_due_account_is_refreshed_and_due_again_before_its_expiry(overdue: Stack, clock: Clock) -> None:
    overdue.tick()

    account = stored(overdue)
    assert (account.version, account.lease_owner) == (2, None)
    assert account.expires_at == int(clock()) + 1800
    assert account.refresh_at
    assert clock() < account.refresh_at < account.expires_at - 590


@pytest.mark.parametrize("rotation", [False, True])
def test_an_account_lives_through_many_refreshes(
    installed: Stack, clock: Clock, hubspot: Running, rotation: bool
) -> None:
    hubspot.simulator.change(rotate_refresh_tokens=rotation)

    for version in range(2, 8):
        clock.forward(1500)
        installed.tick()
        assert stored(installed).version == version

    assert calls(hubspot.simulator, "refresh_token") == 6


def test_an_answer_without_a_refresh_token_keeps_the_old_one(overdue: Stack, hubspot: Running) -> None:
    before = refresh_token(overdue)
    strike(hubspot, kind="without", fields=["refresh_token"])

    overdue.tick()

    assert stored(overdue).version == 2
    assert refresh_token(overdue) == before


def test_a_revoked_grant_is_marked_and_leaves_the_schedule(overdue: Stack, hubspot: Running, clock: Clock) -> None:
    uninstall(hubspot)

    overdue.tick()

    assert (stored(overdue).status, stored(overdue).needs_reinstall_because) == (
        Status.NEEDS_REINSTALL,
        "BAD_REFRESH_TOKEN",
    )
    clock.forward(86_400)
    overdue.tick()
    assert calls(hubspot.simulator, "refresh_token") == 1
    with pytest.raises(NeedsReinstall):
        overdue.token(HUB_ID, None, None, a_minute)


def test_a_death_that_cannot_be_proved_counts_for_no_breaker(overdue: Stack, hubspot: Running, clock: Clock) -> None:
    overdue.accounts.lease_due(GrantKey(HUB_ID), "a holder that vanishes", int(clock()))
    uninstall(hubspot)
    for _ in range(DEATHS_LEAST):
        clock.forward(deadlines.LEASE_SECONDS + timing.BACKOFF_MOST_SECONDS)
        overdue.tick()

    assert calls(hubspot.simulator, "refresh_token") == DEATHS_LEAST
    assert stored(overdue).status is Status.ACTIVE
    assert overdue.breaker.state().open is None


def test_a_reinstall_mends_a_dead_account(overdue: Stack, hubspot: Running, visitor: Visitor) -> None:
    uninstall(hubspot)
    overdue.tick()

    visitor.walk(HUB_ID)

    assert overdue.token(HUB_ID, None, None, a_minute).token


@pytest.mark.parametrize("code", ["BAD_CLIENT_ID", "BAD_CLIENT_SECRET"])
def test_a_refused_client_marks_nobody_dead_and_opens_the_breaker(
    overdue: Stack, hubspot: Running, clock: Clock, code: str
) -> None:
    strike(hubspot, kind="error", error=code)

    overdue.tick()

    assert stored(overdue).status is Status.ACTIVE
    assert overdue.breaker.state().open == "client"
    hubspot.simulator.faults.clear()
    clock.forward(timing.BACKOFF_MOST_SECONDS)
    overdue.tick()
    assert overdue.breaker.state().open is None
    assert stored(overdue).version == 2


def test_a_client_secret_rotated_a_moment_ago_is_read_again(overdue: Stack, hubspot: Running) -> None:
    overdue.rotate_client_secret(hubspot.simulator)

    overdue.tick()

    assert calls(hubspot.simulator, "refresh_token") == 2
    assert stored(overdue).version == 2
    assert overdue.breaker.state().open is None


def test_with_too_little_time_left_a_rotated_client_secret_is_not_tried_at_once(
    overdue: Stack, hubspot: Running, clock: Clock
) -> None:
    overdue.rotate_client_secret(hubspot.simulator)
    leased = overdue.accounts.lease_due(GrantKey(HUB_ID), "me", int(clock()))
    assert leased

    overdue.refresher.refresh(
        leased, clock(), lambda: deadlines.FINISH_SECONDS - calls(hubspot.simulator, "refresh_token")
    )

    assert calls(hubspot.simulator, "refresh_token") == 1
    assert (stored(overdue).version, stored(overdue).lease_owner) == (1, None)


def test_what_is_no_refusal_of_the_client_is_not_repeated_with_a_rotated_secret(
    overdue: Stack, hubspot: Running
) -> None:
    overdue.rotate_client_secret(hubspot.simulator)
    strike(hubspot, kind="error", error="BAD_GRANT_TYPE")

    overdue.tick()

    assert calls(hubspot.simulator, "refresh_token") == 1


def test_a_client_secret_that_was_deleted_goes_on_as_the_refused_one(overdue: Stack, hubspot: Running) -> None:
    overdue.rotate_client_secret(hubspot.simulator)
    overdue.secrets_manager.delete_secret(SecretId=overdue.settings.client_secret_id, ForceDeleteWithoutRecovery=True)

    overdue.tick()

    assert overdue.breaker.state().open == "client"
    assert (stored(overdue).version, stored(overdue).lease_owner) == (1, None)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 502, "body": "<html>Bad Gateway</html>"},
        {"kind": "status", "status": 429, "headers": {"Retry-After": "30"}},
        {"kind": "status", "status": 423},
        {"kind": "status", "status": 477, "headers": {"Retry-After": "86400"}},
        {"kind": "status", "status": 503},
        {"kind": "truncated"},
        {"kind": "without", "fields": ["access_token"]},
        {"kind": "without", "fields": ["expires_in"]},
        {"kind": "large", "bytes": 5_000_000},
        {"kind": "reset"},
        {"kind": "reset", "after_work": True},
    ],
    ids=lambda fault: "-".join(str(part) for part in fault.values() if not isinstance(part, dict)),
)
def test_trouble_on_the_way_means_later(
    overdue: Stack, hubspot: Running, clock: Clock, fault: dict[str, object]
) -> None:
    strike(hubspot, **fault)

    overdue.tick()

    waiting = stored(overdue)
    assert (waiting.status, waiting.version, waiting.attempts, waiting.lease_owner) == (Status.ACTIVE, 1, 1, None)
    assert waiting.refresh_at
    assert waiting.refresh_at > clock()
    hubspot.simulator.faults.clear()
    clock.forward(waiting.refresh_at - clock())
    overdue.tick()
    assert stored(overdue).version == 2


def test_retry_after_is_obeyed(overdue: Stack, hubspot: Running, clock: Clock) -> None:
    strike(hubspot, kind="status", status=477, headers={"Retry-After": "7200"})

    overdue.tick()

    refresh_at = stored(overdue).refresh_at
    assert refresh_at
    assert refresh_at - clock() >= 7200


def test_a_stored_token_is_handed_out_without_asking_hubspot(installed: Stack, hubspot: Running) -> None:
    token = installed.token(HUB_ID, None, None, a_minute)

    assert token.hub_id == HUB_ID
    assert calls(hubspot.simulator, "refresh_token") == 0


def test_an_unknown_account_is_not_found(installed: Stack) -> None:
    with pytest.raises(AccountNotFound):
        installed.token(404, None, None, a_minute)


def test_an_expired_token_is_refreshed_for_its_reader(expired: Stack, clock: Clock) -> None:
    token, again = [expired.token(HUB_ID, None, None, a_minute) for _ in range(2)]

    assert token.expires_at > clock()
    assert again == token
    assert stored(expired).version == 2
    assert expired.reports.total("RefreshedOnRead") == 1


def test_min_ttl_is_at_most_the_margin(installed: Stack, clock: Clock, hubspot: Running) -> None:
    clock.forward(600)

    installed.token(HUB_ID, 99_999, None, a_minute)
    assert calls(hubspot.simulator, "refresh_token") == 0

    clock.forward(700)
    installed.token(HUB_ID, 99_999, None, a_minute)
    assert calls(hubspot.simulator, "refresh_token") == 1


def test_a_valid_token_is_handed_out_while_another_refreshes_it(overdue: Stack, clock: Clock) -> None:
    overdue.accounts.lease_due(GrantKey(HUB_ID), "another", int(clock()))

    assert overdue.token(HUB_ID, 600, None, a_minute).token


def test_an_expired_token_waits_three_seconds_for_its_holder(expired: Stack, clock: Clock) -> None:
    expired.accounts.lease_due(GrantKey(HUB_ID), "another", int(clock()))

    with pytest.raises(RefreshInProgress) as caught:
        expired.token(HUB_ID, None, None, a_minute)

    assert caught.value.retry_after
    assert deadlines.LEASE_SECONDS - 6 <= caught.value.retry_after <= deadlines.LEASE_SECONDS - 3


def test_nobody_waits_for_a_holder_that_has_let_go_without_a_token(
    expired: Stack, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = held_by_another(expired, clock)
    meanwhile(monkeypatch, expired, lambda: expired.accounts.try_later(held, int(clock()) + 40, Fault.HUBSPOT))
    asked_at = clock()

    with pytest.raises(HubSpotUnavailable) as caught:
        expired.token(HUB_ID, None, None, a_minute)

    assert clock() - asked_at < 0.5
    assert caught.value.retry_after
    assert 35 <= caught.value.retry_after <= 40


def test_a_client_secret_that_cannot_be_read_again_is_used_and_asked_for_once_a_minute(
    overdue: Stack, clock: Clock
) -> None:
    secret = overdue.client_secret()
    clock.forward(CACHE_SECONDS)

    with Stubber(overdue.secrets_manager) as secrets:
        for _ in range(2):
            secrets.add_client_error("get_secret_value", "InternalServiceError", http_status_code=500)
        for _ in range(12):
            assert overdue.client_secret() == secret
            clock.forward(RETRY_SECONDS / 10)

        secrets.assert_no_pending_responses()


def test_a_refused_secret_that_cannot_be_read_again_is_not_asked_for_by_everybody(overdue: Stack, clock: Clock) -> None:
    secret = overdue.client_secret()
    clock.forward(REREAD_SECONDS)

    with Stubber(overdue.secrets_manager) as secrets:
        secrets.add_client_error("get_secret_value", "InternalServiceError", http_status_code=500)
        assert [overdue.client_secret.other_than(secret) for _ in range(8)] == [None] * 8

        secrets.assert_no_pending_responses()


def test_a_rejected_token_is_replaced_once_however_many_ask(installed: Stack, clock: Clock, hubspot: Running) -> None:
    clock.forward(120)
    rejected = installed.token(HUB_ID, None, None, a_minute)

    tokens = {installed.token(HUB_ID, None, rejected.fingerprint, a_minute).token for _ in range(5)}

    assert len(tokens) == 1
    assert rejected.token not in tokens
    assert calls(hubspot.simulator, "refresh_token") == 1


def test_a_young_token_is_not_replaced_on_request(installed: Stack) -> None:
    token = installed.token(HUB_ID, None, None, a_minute)

    with pytest.raises(TokenRejected):
        installed.token(HUB_ID, None, token.fingerprint, a_minute)


def test_the_fingerprint_of_another_token_changes_nothing(installed: Stack, hubspot: Running) -> None:
    installed.token(HUB_ID, None, fingerprint("an older one"), a_minute)

    assert calls(hubspot.simulator, "refresh_token") == 0


def test_readers_of_an_expired_token_try_hubspot_once_while_it_is_down(expired: Stack, hubspot: Running) -> None:
    strike(hubspot, kind="status", status=503)

    for _ in range(10):
        with pytest.raises(HubSpotUnavailable):
            expired.token(HUB_ID, None, None, a_minute)

    assert calls(hubspot.simulator, "refresh_token") == 1


def test_a_token_that_is_still_good_survives_an_outage(overdue: Stack, hubspot: Running) -> None:
    strike(hubspot, kind="status", status=503)

    assert overdue.token(HUB_ID, 600, None, a_minute).token


def test_tokens_that_cannot_be_stored_are_rescued(
    overdue: Stack, hubspot: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    hubspot.simulator.change(rotate_refresh_tokens=True)
    refuse_commits(overdue, monkeypatch)

    overdue.tick()

    assert stored(overdue).version == 1
    monkeypatch.undo()
    body = overdue.sqs.receive_message(QueueUrl=overdue.settings.rescue_queue_url)["Messages"][0]["Body"]
    assert "na1-" not in json.dumps(body)
    assert overdue.accounts.commit(from_message(body))
    assert stored(overdue).version == 2
    assert not overdue.accounts.commit(from_message(body))


def test_a_reader_gets_its_token_though_it_could_only_be_rescued(
    expired: Stack, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    refuse_commits(expired, monkeypatch)

    assert expired.token(HUB_ID, None, None, a_minute).expires_at > clock()


def test_hubspot_is_not_called_without_a_data_key(overdue: Stack, hubspot: Running, clock: Clock) -> None:
    clock.forward(3600)  # both caches are too old
    with Stubber(overdue.kms) as kms:
        kms.add_client_error("generate_data_key", "ThrottlingException")
        overdue.tick()

    assert calls(hubspot.simulator, "refresh_token") == 0
    after = stored(overdue)
    assert (after.attempts, after.lease_owner) == (0, None)
    assert (after.refresh_at or 0) < clock()  # as due as it was
    assert [evidence["code"] for name, _, evidence in overdue.reports.entries if name == "RefreshFailed"] == [
        "ThrottlingException"
    ]


def test_a_waiting_reader_looks_on_when_the_holder_let_go_without_a_try(
    expired: Stack, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = held_by_another(expired, clock)
    meanwhile(monkeypatch, expired, lambda: expired.accounts.let_go(held))

    with pytest.raises(RefreshInProgress):
        expired.token(HUB_ID, None, None, a_minute)


def test_tokens_that_do_not_open_are_no_death(overdue: Stack, hubspot: Running) -> None:
    overdue.dynamodb.update_item(
        TableName=overdue.settings.accounts_table,
        Key=table_key(HUB_ID),
        UpdateExpression="SET sealed = :rubbish",
        ExpressionAttributeValues={":rubbish": {"B": b"\x01rubbish"}},
    )

    overdue.tick()

    assert stored(overdue).status is Status.ACTIVE
    assert calls(hubspot.simulator, "refresh_token") == 0


def test_a_holder_with_too_little_time_lets_go_before_it_calls(overdue: Stack, hubspot: Running, clock: Clock) -> None:
    leased = overdue.accounts.lease_due(GrantKey(HUB_ID), "me", int(clock()))
    assert leased

    overdue.refresher.refresh(leased, clock.monotonic(), lambda: deadlines.FINISH_SECONDS - 1)

    assert calls(hubspot.simulator, "refresh_token") == 0
    assert (stored(overdue).lease_owner, stored(overdue).attempts) == (None, 0)


def test_an_answer_for_another_account_is_neither_stored_nor_handed_out(expired: Stack, hubspot: Running) -> None:
    strike(hubspot, kind="with", fields={"hub_id": 100002})

    with pytest.raises(HubSpotUnavailable):
        expired.token(HUB_ID, None, None, a_minute)

    assert stored(expired).version == 1


def held_by_another(stack: Stack, clock: Clock) -> Account:
    held = stack.accounts.lease_due(GrantKey(HUB_ID), "another", int(clock()))
    assert held
    return held


def meanwhile(monkeypatch: pytest.MonkeyPatch, stack: Stack, act: Callable[[], object]) -> None:
    """While a reader waits, this happens elsewhere."""
    real = stack.tokens.sleep

    def sleep(seconds: float) -> None:
        real(seconds)
        act()

    monkeypatch.setattr(stack.tokens, "sleep", sleep)


def strike(hubspot: Running, **fault: object) -> None:
    """Every refresh goes wrong like this until the faults are cleared."""
    hubspot.simulator.faults.add(parse_fault({"grant_type": "refresh_token", **fault}))


def uninstall(hubspot: Running) -> None:
    simulator = hubspot.simulator
    with simulator.lock:
        for grant in simulator.grants.of(simulator.settings.client_id, HUB_ID):
            simulator.grants.end(grant)


def refuse_commits(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB throttles every commit, and nothing else."""
    real: Callable[..., object] = stack.dynamodb.update_item

    def update_item(**request: object) -> object:
        if "version = :next" in str(request["UpdateExpression"]):
            raise stack.dynamodb.exceptions.ProvisionedThroughputExceededException(
                {"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "slow down"}}, "UpdateItem"
            )
        return real(**request)

    monkeypatch.setattr(stack.dynamodb, "update_item", update_item)
