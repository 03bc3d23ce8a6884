"""What AWS's errors mean to us: their code, and whether they are about this moment or about us."""

from typing import Final

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

#: Everything boto3 raises: an answer that refuses, no answer, or one that is not AWS's.
AWS_ERRORS: Final = (ClientError, BotoCoreError, ResponseParserError)
#: No answer reached us, or not whole. The work may have been done.
_UNANSWERED: Final = (
    exceptions.HTTPClientError,
    exceptions.ConnectionError,
    exceptions.ChecksumError,
    ResponseParserError,
)
#: How DynamoDB, KMS, SQS and Secrets Manager say "not so fast"; botocore has tried again before anyone sees one.
_THROTTLED: Final = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)


def code_of(error: Exception) -> str:
    """AWS's code for a refusal, else the name of what botocore raised: one word for the log."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "ClientError"))
    return type(error).__name__


def is_transient(error: Exception) -> bool:
    """Whether the same call may succeed in a moment: throttled, a fault of AWS's own, or no answer at all.

    A missing permission or a malformed request is not of that kind: it should crash, be counted and ring the alarm.
    """
    if not isinstance(error, ClientError):
        return isinstance(error, _UNANSWERED)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code_of(error) in _THROTTLED or status >= 500  # noqa: PLR2004 - HTTP's own faults
