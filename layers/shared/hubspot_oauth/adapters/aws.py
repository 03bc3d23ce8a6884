"""Configures the AWS clients, and tells transient AWS errors from the others."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from botocore import exceptions
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from hubspot_oauth.domain.call_timeouts import AWS_ATTEMPTS, AWS_CONNECT_SECONDS, AWS_READ_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

#: The configuration of every client. The length of a lease is computed from these time-outs (domain/call_timeouts.py).
AWS_CONFIG: Final = Config(
    connect_timeout=AWS_CONNECT_SECONDS,
    read_timeout=AWS_READ_SECONDS,
    retries={"mode": "standard", "total_max_attempts": AWS_ATTEMPTS},
    user_agent="hubspot-oauth",  # botocore builds its own twice per call, in a quarter of the call's CPU time
)

#: Everything boto3 raises for an error response, for no response, or for one that does not parse.
AWS_ERRORS: Final = (ClientError, BotoCoreError, ResponseParserError)
#: No response arrived, or only a part of one. AWS may have done the work.
_UNANSWERED: Final = (
    exceptions.HTTPClientError,
    exceptions.ConnectionError,
    exceptions.ChecksumError,
    ResponseParserError,
)
#: Codes with which DynamoDB, KMS, SQS and Secrets Manager ask us to try again later.
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
_LEAST_CONNECTIONS = 10  # botocore's own default


class Clients:
    """The AWS clients of one container, each made at its first use.

    Args:
        make: Makes a client from the service's name and ``config``, as ``boto3.client`` does.
        connections: The number of calls that one client makes at once.
    """

    def __init__(self, make: Callable[..., Any], connections: int) -> None:
        self._make = make
        self._config = AWS_CONFIG.merge(Config(max_pool_connections=max(_LEAST_CONNECTIONS, connections)))

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        made: DynamoDBClient = self._make("dynamodb", config=self._config)
        return made

    @cached_property
    def kms(self) -> "KMSClient":
        made: KMSClient = self._make("kms", config=self._config)
        return made

    @cached_property
    def secrets_manager(self) -> "SecretsManagerClient":
        made: SecretsManagerClient = self._make("secretsmanager", config=self._config)
        return made

    @cached_property
    def sqs(self) -> "SQSClient":
        made: SQSClient = self._make("sqs", config=self._config)
        return made


def code_of(error: Exception) -> str:
    """One word for the log: AWS's error code, else the name of botocore's exception."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "ClientError"))
    return type(error).__name__


def is_transient(error: Exception) -> bool:
    """Whether the same call may succeed in a moment: throttled, a fault of AWS's own, or no answer at all.

    A missing permission or a malformed request is not transient; it should crash the function and ring its alarm.
    """
    if not isinstance(error, ClientError):
        return isinstance(error, _UNANSWERED)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code_of(error) in _THROTTLED or status >= 500  # noqa: PLR2004 - 5xx: the server's fault
