"""What a caller of the API gets when something fails: problem JSON for what passes; what must ring an alarm crashes."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from hubspot_oauth.adapters.api_gateway import Query, Response
from hubspot_oauth.api.problem_json import Problems
from hubspot_oauth.domain.api_errors import NeedsReinstall, Problem, TokensUnreadable, VaultUnavailable
from hubspot_oauth.domain.settings import Settings
from tests.support.stack import ENVIRONMENT

EVENT = {"requestContext": {"domainName": "localhost"}}


def refused(code: str, status: int) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "secret"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "GetItem")


def answered(error: Exception) -> Response:
    def fail(_: Query) -> Response:
        raise error

    return Problems(settings=Settings.from_env(ENVIRONMENT)).answer(EVENT, fail)


@pytest.mark.parametrize(
    "error",
    [
        refused("ProvisionedThroughputExceededException", 400),
        refused("InternalServerError", 500),
        ReadTimeoutError(endpoint_url="https://dynamodb"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_fault_of_aws_that_passes_is_said_with_when_to_come_back(error: Exception) -> None:
    answer = answered(error)

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "aws_unavailable")
    assert int(answer["headers"]["retry-after"]) > 0
    assert "secret" not in answer["body"]


def test_a_missing_permission_crashes_so_that_the_alarm_rings() -> None:
    with pytest.raises(ClientError):
        answered(refused("AccessDeniedException", 400))


@pytest.mark.parametrize(
    ("problem", "status", "code", "retry_after"),
    [
        (VaultUnavailable("KMS gives no data key:", aws_code="ThrottlingException"), 503, "vault_unavailable", "60"),
        (TokensUnreadable("The stored blob is cut short."), 500, "tokens_unreadable", None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_tokens_that_do_not_open_are_told_apart_from_a_kms_that_does_not_answer(
    problem: Problem, status: int, code: str, retry_after: str | None
) -> None:
    answer = answered(problem)

    said = json.loads(answer["body"])
    assert (answer["statusCode"], said["status"], said["code"]) == (status, status, code)
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert answer["headers"].get("retry-after") == retry_after


def test_a_dead_grant_comes_with_the_link_that_mends_it() -> None:
    answer = answered(NeedsReinstall("Account 7 must install the app again.", hub_id=7))

    said = json.loads(answer["body"])
    assert (said["hub_id"], said["install_url"]) == (7, "http://localhost:3000/install?hub_id=7")
