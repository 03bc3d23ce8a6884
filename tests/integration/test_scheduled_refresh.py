"""A refresh that the schedule asks for, against a HubSpot that speaks HTTP."""

import json

import pytest
from botocore.stub import Stubber

from hubspot_oauth.adapters.rescue_queue import from_message
from hubspot_oauth.domain import call_timeouts, refresh_timing
from hubspot_oauth.domain.account import GrantKey, Status
from hubspot_oauth.domain.api_errors import NeedsReinstall
from simulator import Running
from tests.support.product_visitor import ProductVisitor
from tests.support.simulated_hubspot import fail_refreshes, token_calls, uninstall
from tests.support.stack import Clock, Stack, table_key, throttle_commits

HUB_ID = 100001


def refresh_token(stack: Stack) -> str:
    return stack.vault.unseal(stack.stored(HUB_ID)).refresh_token


def be_marked(stack: Stack, hubspot: Running, clock: Clock) -> None:
    """The account uninstalls the app, and two refreshes are refused."""
    uninstall(hubspot.simulator, HUB_ID)
    for _ in range(2):
        stack.tick()
        clock.forward(refresh_timing.SECOND_LOOK_SECONDS + 1)
    assert stack.stored(HUB_ID).status is Status.NEEDS_REINSTALL


def test_nothing_is_refreshed_before_it_is_due(installed: Stack, hubspot: Running) -> None:
    installed.tick()

    assert token_calls(hubspot.simulator, "refresh_token") == 0


def test_a_due_account_is_refreshed_and_due_again_before_its_expiry(overdue: Stack, clock: Clock) -> None:
    overdue.tick()

    account = overdue.stored(HUB_ID)
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
        assert installed.stored(HUB_ID).version == version

    assert token_calls(hubspot.simulator, "refresh_token") == 6


def test_an_answer_without_a_refresh_token_keeps_the_old_one(overdue: Stack, hubspot: Running) -> None:
    before = refresh_token(overdue)
    fail_refreshes(hubspot.simulator, kind="without", fields=["refresh_token"])

    overdue.tick()

    assert overdue.stored(HUB_ID).version == 2
    assert refresh_token(overdue) == before


def test_a_revoked_grant_is_marked_at_the_second_refusal(overdue: Stack, hubspot: Running, clock: Clock) -> None:
    uninstall(hubspot.simulator, HUB_ID)

    overdue.tick()

    assert overdue.stored(HUB_ID).status is Status.ACTIVE
    clock.forward(refresh_timing.SECOND_LOOK_SECONDS + 1)
    overdue.tick()
    assert (overdue.stored(HUB_ID).status, overdue.stored(HUB_ID).needs_reinstall_because) == (
        Status.NEEDS_REINSTALL,
        "BAD_REFRESH_TOKEN",
    )
    with pytest.raises(NeedsReinstall):
        overdue.token(HUB_ID)


def test_a_marked_account_leaves_the_schedule_once_a_success_has_proved_the_mark(
    overdue: Stack, hubspot: Running, clock: Clock
) -> None:
    be_marked(overdue, hubspot, clock)
    clock.forward(1800)
    overdue.breaker.succeeded(int(clock()), overdue.client_secret().version)
    for _ in range(2):
        clock.forward(86_400)
        overdue.tick()
    assert overdue.stored(HUB_ID).refresh_at is None

    clock.forward(100 * 86_400)
    overdue.tick()

    assert token_calls(hubspot.simulator, "refresh_token") == 4


def test_a_marked_account_without_proof_is_tried_ever_more_rarely(
    overdue: Stack, hubspot: Running, clock: Clock
) -> None:
    be_marked(overdue, hubspot, clock)
    for _ in range(365 * 2):
        clock.forward(86_400 // 2)
        overdue.tick()

    assert token_calls(hubspot.simulator, "refresh_token") <= 13
    assert overdue.stored(HUB_ID).refresh_at


def test_a_grant_that_works_again_takes_the_mark_back(overdue: Stack, hubspot: Running, clock: Clock) -> None:
    fail_refreshes(hubspot.simulator, kind="error", error="BAD_REFRESH_TOKEN")
    overdue.tick()
    clock.forward(refresh_timing.SECOND_LOOK_SECONDS + 1)
    overdue.tick()
    assert overdue.stored(HUB_ID).status is Status.NEEDS_REINSTALL
    hubspot.simulator.faults.clear()

    clock.forward(2 * 1800 + 1)
    overdue.tick()

    assert overdue.token(HUB_ID).token


def test_a_death_that_cannot_be_proved_is_tried_ever_more_rarely(
    overdue: Stack, hubspot: Running, clock: Clock
) -> None:
    overdue.accounts.lease_due(GrantKey.of_account(HUB_ID), "an owner that dies", int(clock()))
    uninstall(hubspot.simulator, HUB_ID)
    for _ in range(13 * 24):
        clock.forward(3600)
        overdue.tick()

    assert token_calls(hubspot.simulator, "refresh_token") <= 12
    assert overdue.stored(HUB_ID).status is Status.ACTIVE
    clock.forward(30 * 86_400)
    overdue.tick()
    assert overdue.stored(HUB_ID).status is Status.NEEDS_REINSTALL


def test_a_reinstall_mends_a_dead_account(
    overdue: Stack, hubspot: Running, visitor: ProductVisitor, clock: Clock
) -> None:
    be_marked(overdue, hubspot, clock)

    visitor.walk(HUB_ID)

    assert overdue.token(HUB_ID).token


@pytest.mark.parametrize("code", ["BAD_CLIENT_ID", "BAD_CLIENT_SECRET"])
def test_a_refused_client_marks_no_account_dead_and_opens_the_breaker(
    overdue: Stack, hubspot: Running, clock: Clock, code: str
) -> None:
    fail_refreshes(hubspot.simulator, kind="error", error=code)

    overdue.tick()

    assert overdue.stored(HUB_ID).status is Status.ACTIVE
    assert overdue.breaker.state().open == "client"
    hubspot.simulator.faults.clear()
    clock.forward(refresh_timing.BACKOFF_MOST_SECONDS)
    overdue.tick()
    assert overdue.breaker.state().open is None
    assert overdue.stored(HUB_ID).version == 2


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
        {"kind": "large", "bytes": 5_000_000},
        {"kind": "reset"},
        {"kind": "reset", "after_work": True},
    ],
    ids=lambda fault: "-".join(str(part) for part in fault.values() if not isinstance(part, dict)),
)
def test_trouble_on_the_way_is_tried_again_later(
    overdue: Stack, hubspot: Running, clock: Clock, fault: dict[str, object]
) -> None:
    fail_refreshes(hubspot.simulator, **fault)

    overdue.tick()

    waiting = overdue.stored(HUB_ID)
    assert (waiting.status, waiting.version, waiting.attempts, waiting.lease_owner) == (Status.ACTIVE, 1, 1, None)
    assert waiting.refresh_at
    assert waiting.refresh_at > clock()
    hubspot.simulator.faults.clear()
    clock.forward(waiting.refresh_at - clock())
    overdue.tick()
    assert overdue.stored(HUB_ID).version == 2


def test_retry_after_is_obeyed(overdue: Stack, hubspot: Running, clock: Clock) -> None:
    fail_refreshes(hubspot.simulator, kind="status", status=477, headers={"Retry-After": "7200"})

    overdue.tick()

    refresh_at = overdue.stored(HUB_ID).refresh_at
    assert refresh_at
    assert refresh_at - clock() >= 7200


def test_tokens_that_cannot_be_stored_are_rescued(
    overdue: Stack, hubspot: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    hubspot.simulator.change(rotate_refresh_tokens=True)
    throttle_commits(overdue, monkeypatch)

    overdue.tick()

    assert overdue.stored(HUB_ID).version == 1
    monkeypatch.undo()
    body = overdue.sqs.receive_message(QueueUrl=overdue.settings.rescue_queue_url)["Messages"][0]["Body"]
    assert "na1-" not in json.dumps(body)
    assert overdue.accounts.commit(from_message(body))
    assert overdue.stored(HUB_ID).version == 2
    assert overdue.accounts.commit(from_message(body))  # SQS may deliver it twice
    assert overdue.stored(HUB_ID).version == 2


def test_hubspot_is_not_called_without_a_data_key(overdue: Stack, hubspot: Running, clock: Clock) -> None:
    clock.forward(3600)  # both caches are too old
    with Stubber(overdue.kms) as kms:
        kms.add_client_error("generate_data_key", "ThrottlingException")
        overdue.tick()

    assert token_calls(hubspot.simulator, "refresh_token") == 0
    after = overdue.stored(HUB_ID)
    assert (after.attempts, after.lease_owner) == (0, None)
    assert (after.refresh_at or 0) < clock()  # as due as it was
    assert [evidence["code"] for name, _, evidence in overdue.reports.entries if name == "RefreshFailed"] == [
        "ThrottlingException"
    ]


def test_tokens_that_do_not_open_do_not_mark_the_account_dead(overdue: Stack, hubspot: Running) -> None:
    overdue.dynamodb.update_item(
        TableName=overdue.settings.accounts_table,
        Key=table_key(HUB_ID),
        UpdateExpression="SET sealed = :rubbish",
        ExpressionAttributeValues={":rubbish": {"B": b"\x01rubbish"}},
    )

    overdue.tick()

    assert overdue.stored(HUB_ID).status is Status.ACTIVE
    assert token_calls(hubspot.simulator, "refresh_token") == 0


def test_a_lease_owner_with_too_little_time_lets_go_before_it_calls(
    overdue: Stack, hubspot: Running, clock: Clock
) -> None:
    leased = overdue.accounts.lease_due(GrantKey.of_account(HUB_ID), "me", int(clock()))
    assert leased

    overdue.refresher.refresh(leased, clock.monotonic(), lambda: call_timeouts.FINISH_SECONDS - 1)

    assert token_calls(hubspot.simulator, "refresh_token") == 0
    assert (overdue.stored(HUB_ID).lease_owner, overdue.stored(HUB_ID).attempts) == (None, 0)
