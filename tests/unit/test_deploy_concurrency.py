"""Whether an AWS account's quota has room for the reserved concurrency of the functions that anyone can call."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from ops.concurrency import room_fault
from ops.template import load_template


class Account:
    """A boto3 session of an AWS account, whose Lambda is stubbed."""

    region_name = "eu-central-1"

    def __init__(self) -> None:
        self.lambdas = boto3.client("lambda", "eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
        self.stub = Stubber(self.lambdas)
        self.stub.activate()

    def client(self, service: str) -> object:
        assert service == "lambda"
        return self.lambdas


@pytest.fixture
def account() -> Any:
    return Account()


def allow(account: Account, *, quota: int, unreserved: int) -> None:
    limit = {"ConcurrentExecutions": quota, "UnreservedConcurrentExecutions": unreserved}
    account.stub.add_response("get_account_settings", {"AccountLimit": limit})


@pytest.mark.parametrize(("quota", "unreserved"), [(10, 10), (50, 50), (1000, 119)])
def test_an_account_without_room_for_a_reservation_is_told_why(account: Any, quota: int, unreserved: int) -> None:
    allow(account, quota=quota, unreserved=unreserved)

    fault = room_fault(account, load_template())

    assert f"allows this AWS account {quota} concurrent executions in eu-central-1, {unreserved} of them" in str(fault)


@pytest.mark.parametrize("unreserved", [120, 1000])
def test_an_account_with_room_has_no_fault(account: Any, unreserved: int) -> None:
    allow(account, quota=1000, unreserved=unreserved)

    assert room_fault(account, load_template()) is None


def test_an_operator_who_may_not_ask_lambda_is_not_stopped(account: Any) -> None:
    account.stub.add_client_error("get_account_settings", "AccessDeniedException")

    assert room_fault(account, load_template()) is None
