"""What a caller of the API gets when something fails: problem JSON for what passes; what must ring an alarm crashes."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from hubspot_oauth.adapters.api_gateway import Response
from hubspot_oauth.api.problems import api

EVENT = {"requestContext": {"domainName": "localhost"}}


def refused(code: str, status: int) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "secret"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "GetItem")


def answered(error: Exception) -> Response:
    def fail(_: dict[str, str]) -> Response:
        raise error

    return api(EVENT, fail, lambda host: f"https://{host}/install")


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
