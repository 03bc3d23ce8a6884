"""Which of AWS's errors pass by themselves, and which a person has to mend."""

from typing import Any

import pytest
from botocore import exceptions
from botocore.parsers import ResponseParserError

from hubspot_oauth.adapters.aws import AWS_ERRORS, code_of, is_transient


def refusal(code: str, status: int = 400) -> exceptions.ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return exceptions.ClientError(answer, "UpdateItem")


@pytest.mark.parametrize(
    "error",
    [
        refusal("ThrottlingException"),
        refusal("ProvisionedThroughputExceededException"),
        refusal("TransactionConflictException"),
        refusal("InternalServerError", 500),
        refusal("DependencyTimeoutException", 503),
        exceptions.ReadTimeoutError(endpoint_url="https://aws.example"),
        exceptions.ConnectTimeoutError(endpoint_url="https://aws.example"),
        exceptions.EndpointConnectionError(endpoint_url="https://aws.example"),
        exceptions.ConnectionClosedError(endpoint_url="https://aws.example"),
        ResponseParserError("not well-formed"),
    ],
    ids=code_of,
)
def test_an_error_that_passes_is_transient(error: Exception) -> None:
    assert isinstance(error, AWS_ERRORS)
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        refusal("AccessDeniedException"),
        refusal("ValidationException"),
        refusal("ResourceNotFoundException"),
        exceptions.NoCredentialsError(),
        exceptions.ParamValidationError(report="wrong"),
    ],
    ids=code_of,
)
def test_an_error_that_stays_is_not_transient(error: Exception) -> None:
    assert isinstance(error, AWS_ERRORS)
    assert not is_transient(error)
