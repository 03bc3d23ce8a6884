"""A caller that gets no token is told which side is at fault: HubSpot, this app, AWS, the vault or the stored row."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.stub import Stubber

from hubspot_oauth.adapters.api_gateway import Response
from hubspot_oauth.adapters.vault import FAILED_SECONDS, KEY_SECONDS, OPENED_SECONDS
from hubspot_oauth.domain.refresh_timing import BACKOFF_FIRST_SECONDS
from simulator import Running
from tests.support.lambda_events import signed_event, token_event
from tests.support.product_visitor import ProductVisitor
from tests.support.simulated_hubspot import fail_refreshes
from tests.support.stack import Clock, Stack, a_minute, table_key

HUB_ID = 100001


@pytest.fixture
def expired(visitor: ProductVisitor, clock: Clock) -> Stack:
    """An installed account whose token has expired, and a vault that has forgotten every key it opened."""
    visitor.walk(HUB_ID)
    clock.forward(OPENED_SECONDS + 1)
    return visitor.stack


def read(stack: Stack) -> Response:
    return stack.token_route.answer(token_event(HUB_ID), a_minute)


def told(response: Response) -> tuple[int, str]:
    return response["statusCode"], json.loads(response["body"])["code"]


@contextmanager
def refusing(client: Any, operation: str, code: str, times: int = 1, status: int = 400) -> Iterator[None]:
    with Stubber(client) as stub:
        for _ in range(times):
            stub.add_client_error(operation, code, http_status_code=status)
        yield


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 503}, {"kind": "status", "status": 429}])
def test_hubspot_is_named_when_it_gives_no_token_and_while_the_row_backs_off(
    expired: Stack, hubspot: Running, fault: dict[str, object]
) -> None:
    fail_refreshes(hubspot.simulator, **fault)

    assert told(read(expired)) == (503, "hubspot_unavailable")
    hubspot.simulator.faults.clear()
    again = read(expired)
    assert told(again) == (503, "hubspot_unavailable")
    assert 1 <= int(again["headers"]["retry-after"]) <= BACKOFF_FIRST_SECONDS


@pytest.mark.parametrize("code", ["BAD_CLIENT_ID", "BAD_CLIENT_SECRET"])
def test_this_app_is_named_when_hubspot_refuses_it_and_while_the_breaker_is_open(
    expired: Stack, hubspot: Running, code: str
) -> None:
    fail_refreshes(hubspot.simulator, kind="error", error=code)

    assert told(read(expired)) == (503, "misconfigured")
    hubspot.simulator.faults.clear()
    assert told(read(expired)) == (503, "misconfigured")


def test_this_app_is_named_when_hubspot_refuses_its_request_and_while_the_row_backs_off(
    expired: Stack, hubspot: Running
) -> None:
    fail_refreshes(hubspot.simulator, kind="error", error="BAD_GRANT_TYPE")

    assert told(read(expired)) == (503, "misconfigured")
    assert told(read(expired)) == (503, "misconfigured")


def test_the_missing_setup_is_named_when_the_secret_has_no_value_and_while_the_row_backs_off(
    expired: Stack, make_stack: Callable[..., Stack]
) -> None:
    started = make_stack()  # a process that has not read the secret yet
    with refusing(started.secrets_manager, "get_secret_value", "ResourceNotFoundException"):
        assert told(read(started)) == (503, "not_configured")

    assert told(read(started)) == (503, "not_configured")


def test_the_vault_is_named_when_kms_does_not_open_the_row(expired: Stack) -> None:
    with refusing(expired.kms, "decrypt", "AccessDeniedException"):
        answer = read(expired)

    assert told(answer) == (503, "vault_unavailable")
    assert int(answer["headers"]["retry-after"]) > 0
    assert "AccessDeniedException" in json.loads(answer["body"])["detail"]


def test_the_vault_is_named_when_kms_gives_no_key_for_the_new_tokens(
    visitor: ProductVisitor, clock: Clock, hubspot: Running
) -> None:
    visitor.walk(HUB_ID)
    clock.forward(1900)
    assert KEY_SECONDS < 1900 < OPENED_SECONDS
    with refusing(visitor.stack.kms, "generate_data_key", "KMSInternalException", status=500):
        assert told(read(visitor.stack)) == (503, "vault_unavailable")

    clock.forward(FAILED_SECONDS)
    assert read(visitor.stack)["statusCode"] == 200


@pytest.mark.parametrize("alteration", ["a byte", "the format", "the length"])
def test_a_row_that_does_not_open_is_named_and_counted(expired: Stack, alteration: str) -> None:
    blob = expired.stored(HUB_ID).sealed
    altered = {
        "a byte": blob[:-1] + bytes([blob[-1] ^ 1]),
        "the format": b"\x02" + blob[1:],
        "the length": blob[:20],
    }[alteration]
    expired.dynamodb.update_item(
        TableName=expired.settings.accounts_table,
        Key=table_key(HUB_ID),
        UpdateExpression="SET sealed = :altered",
        ExpressionAttributeValues={":altered": {"B": altered}},
    )

    answer = read(expired)

    assert told(answer) == (500, "tokens_unreadable")
    assert "retry-after" not in answer["headers"]
    assert expired.reports.total("TokensUnreadable") == 1


def test_aws_is_named_when_dynamodb_is_throttled(expired: Stack) -> None:
    with refusing(expired.dynamodb, "get_item", "ProvisionedThroughputExceededException"):
        assert told(read(expired)) == (503, "aws_unavailable")


def test_aws_is_named_when_the_secret_cannot_be_read(expired: Stack, make_stack: Callable[..., Stack]) -> None:
    started = make_stack()
    with refusing(started.secrets_manager, "get_secret_value", "InternalServiceError", status=500):
        assert told(read(started)) == (503, "aws_unavailable")

    assert told(read(started)) == (503, "aws_unavailable"), "the row backs off, and remembers why"


def test_a_new_install_forgets_whose_side_was_at_fault(
    expired: Stack, hubspot: Running, visitor: ProductVisitor, clock: Clock
) -> None:
    fail_refreshes(hubspot.simulator, kind="status", status=503)
    read(expired)
    account = expired.stored(HUB_ID)
    assert account.at_fault == "hubspot"
    hubspot.simulator.faults.clear()

    visitor.walk(HUB_ID)

    account = expired.stored(HUB_ID)
    assert (account.at_fault, account.attempts) == (None, 0)
    assert read(expired)["statusCode"] == 200


def test_a_row_that_opens_again_is_refreshed_at_once(expired: Stack, make_stack: Callable[..., Stack]) -> None:
    expired.dynamodb.update_item(
        TableName=expired.settings.accounts_table,
        Key=table_key(HUB_ID),
        UpdateExpression="SET refresh_at = :later, attempts = :four, at_fault = :tokens",
        ExpressionAttributeValues={
            ":later": {"N": str(int(expired.clock()) + 300)},
            ":four": {"N": "4"},
            ":tokens": {"S": "tokens"},
        },
    )

    assert read(make_stack())["statusCode"] == 200


def test_a_side_that_this_version_does_not_know_stops_nothing(expired: Stack) -> None:
    expired.dynamodb.update_item(
        TableName=expired.settings.accounts_table,
        Key=table_key(HUB_ID),
        UpdateExpression="SET at_fault = :later_version",
        ExpressionAttributeValues={":later_version": {"S": "network"}},
    )

    assert read(expired)["statusCode"] == 200


def test_an_account_that_is_being_left_says_so_while_kms_does_not_answer(expired: Stack) -> None:
    with refusing(expired.kms, "decrypt", "ThrottlingException"):
        answer = expired.disconnect_route.answer(signed_event("DELETE /accounts/{hub_id}", HUB_ID))

    assert told(answer) == (503, "vault_unavailable")
    assert answer["headers"]["retry-after"] == "30"
    assert "is being disconnected" in json.loads(answer["body"])["detail"]
