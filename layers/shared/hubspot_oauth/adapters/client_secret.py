"""HubSpot's client secret: read late, cached briefly, read again when HubSpot refuses it, never shown."""

import threading
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from hubspot_oauth.adapters.aws import AWS_ERRORS, code_of
from hubspot_oauth.domain.errors import NotConfigured
from hubspot_oauth.domain.timing import Clock, recent

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHE_SECONDS = 300
REREAD_SECONDS = 10
RETRY_SECONDS = 60  # after a failed read, while a value is in hand: each try may take its whole time-out
_NEVER = float("-inf")


class ClientSecret:
    """The app's client secret, set by the operator and rotated whenever they like.

    Args:
        secrets: A Secrets Manager client.
        secret_id: The secret's ARN.
        clock: Epoch seconds.
    """

    def __init__(self, secrets: "SecretsManagerClient", secret_id: str, clock: Clock) -> None:
        self._secrets = secrets
        self._secret_id = secret_id
        self._clock = clock
        self._value = ""
        self._read_at = self._failed_at = _NEVER
        self._known_set = False
        self._lock = threading.Lock()

    def __call__(self) -> str:
        """The secret, read at most every ``CACHE_SECONDS``; while that fails, the one read before.

        Raises:
            NotConfigured: It has no value yet.
        """
        with self._lock:
            now = self._clock()
            if not recent(self._read_at, now, CACHE_SECONDS) and not recent(self._failed_at, now, RETRY_SECONDS):
                self._read_again()
            return self._value

    def other_than(self, refused: str) -> str | None:
        """Read again after HubSpot refused ``refused``; the value there is now, if it is another one."""
        with self._lock:
            last = max(self._read_at, self._failed_at)
            if self._value == refused and not recent(last, self._clock(), REREAD_SECONDS):
                self._read_again()
            return self._value if self._value != refused else None

    def is_set(self) -> bool:
        """Whether the operator has set a value; needs only DescribeSecret, which does not show it."""
        if not self._known_set:
            versions = self._secrets.describe_secret(SecretId=self._secret_id).get("VersionIdsToStages", {})
            self._known_set = any("AWSCURRENT" in stages for stages in versions.values())
        return self._known_set

    def _read_again(self) -> None:
        try:
            self._read()
        except (NotConfigured, *AWS_ERRORS):
            if not self._value:
                raise
            # The value in hand is most likely right, and HubSpot says so if it is not: go on with it.
            self._read_at, self._failed_at = _NEVER, self._clock()

    def _read(self) -> None:
        try:
            self._value = self._secrets.get_secret_value(SecretId=self._secret_id)["SecretString"].strip()
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                raise NotConfigured from error
            raise
        self._read_at = self._clock()
