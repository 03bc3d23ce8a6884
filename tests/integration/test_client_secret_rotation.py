"""A client secret that was rotated, deleted or cannot be read, while accounts are refreshed."""

from typing import Any

import pytest
from botocore.stub import Stubber

from hubspot_oauth.adapters.client_secret import CACHE_SECONDS, REREAD_SECONDS, RETRY_SECONDS
from hubspot_oauth.domain import call_timeouts
from hubspot_oauth.domain.account import GrantKey
from hubspot_oauth.domain.api_errors import NotConfigured
from simulator import Running
from tests.support.simulated_hubspot import fail_refreshes, token_calls
from tests.support.stack import Clock, Stack

HUB_ID = 100001


def test_a_client_secret_rotated_a_moment_ago_is_read_again(overdue: Stack, hubspot: Running) -> None:
    overdue.rotate_client_secret(hubspot.simulator)

    overdue.tick()

    assert token_calls(hubspot.simulator, "refresh_token") == 2
    assert overdue.stored(HUB_ID).version == 2
    assert overdue.breaker.state().open is None


def test_with_too_little_time_left_a_rotated_client_secret_is_not_tried_at_once(
    overdue: Stack, hubspot: Running, clock: Clock
) -> None:
    overdue.rotate_client_secret(hubspot.simulator)
    leased = overdue.accounts.lease_due(GrantKey.of_account(HUB_ID), "me", int(clock()))
    assert leased

    overdue.refresher.refresh(
        leased, clock(), lambda: call_timeouts.FINISH_SECONDS - token_calls(hubspot.simulator, "refresh_token")
    )

    assert token_calls(hubspot.simulator, "refresh_token") == 1
    assert (overdue.stored(HUB_ID).version, overdue.stored(HUB_ID).lease_owner) == (1, None)


def test_a_refusal_of_something_else_is_not_repeated_with_a_rotated_secret(overdue: Stack, hubspot: Running) -> None:
    overdue.rotate_client_secret(hubspot.simulator)
    fail_refreshes(hubspot.simulator, kind="error", error="BAD_GRANT_TYPE")

    overdue.tick()

    assert token_calls(hubspot.simulator, "refresh_token") == 1


def test_a_client_secret_that_was_deleted_goes_on_as_the_refused_one(overdue: Stack, hubspot: Running) -> None:
    overdue.rotate_client_secret(hubspot.simulator)
    overdue.secrets_manager.delete_secret(SecretId=overdue.settings.client_secret_id, ForceDeleteWithoutRecovery=True)

    overdue.tick()

    assert overdue.breaker.state().open == "client"
    assert (overdue.stored(HUB_ID).version, overdue.stored(HUB_ID).lease_owner) == (1, None)


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


def test_a_refused_secret_that_cannot_be_read_again_is_asked_for_once(overdue: Stack, clock: Clock) -> None:
    secret = overdue.client_secret()
    clock.forward(REREAD_SECONDS)

    with Stubber(overdue.secrets_manager) as secrets:
        secrets.add_client_error("get_secret_value", "InternalServiceError", http_status_code=500)
        assert [overdue.client_secret.other_than(secret) for _ in range(8)] == [None] * 8

        secrets.assert_no_pending_responses()


@pytest.mark.parametrize("value", [{"SecretBinary": b"secret"}, {"SecretString": " \n"}])
def test_a_client_secret_that_is_no_text_is_not_set(stack: Stack, value: dict[str, Any]) -> None:
    stack.secrets_manager.put_secret_value(SecretId=stack.settings.client_secret_id, **value)

    with pytest.raises(NotConfigured):
        stack.client_secret()
