"""Reads HubSpot's client secret at its first use, caches it, and reads it again when HubSpot refuses it."""

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from hubspot_oauth.adapters.aws import AWS_ERRORS, code_of
from hubspot_oauth.domain.api_errors import NotConfigured
from hubspot_oauth.domain.clocks import Clock, recent

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHE_SECONDS = 300
REREAD_SECONDS = 10
RETRY_SECONDS = 60  # pause after a failed read while a value is cached; a failing read may block until its time-out
_NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Secret:
    """One version of the client secret; ``version`` is Secrets Manager's id of it, which may be logged."""

    value: str = field(repr=False)
    version: str


class ClientSecret:
    """The app's client secret, which the operator may rotate at any time.

    Args:
        secrets: A Secrets Manager client.
        secret_id: The secret's ARN.
        clock: Epoch seconds.
    """

    def __init__(self, secrets: "SecretsManagerClient", secret_id: str, clock: Clock) -> None:
        self._secrets = secrets
        self._secret_id = secret_id
        self._clock = clock
        self._secret: Secret | None = None
        self._read_at = self._failed_at = _NEVER
        self._known_set = False
        self._lock = threading.Lock()

    def __call__(self) -> Secret:
        """The secret, read again after ``CACHE_SECONDS``; if that fails, the cached one.

        Raises:
            NotConfigured: The secret has no value yet, or one that is no text.
            ClientError, BotoCoreError: It cannot be read, and none is cached.
        """
        with self._lock:
            now = self._clock()
            cached = self._secret
            if cached and (recent(self._read_at, now, CACHE_SECONDS) or recent(self._failed_at, now, RETRY_SECONDS)):
                return cached
            return self._read_again()

    def other_than(self, refused: Secret) -> Secret | None:
        """Return the secret that replaced ``refused``, which HubSpot refused, or None.

        The secret is read again at most every ``REREAD_SECONDS``.
        """
        with self._lock:
            last = max(self._read_at, self._failed_at)
            known = self._secret
            if (known is None or known.value == refused.value) and not recent(last, self._clock(), REREAD_SECONDS):
                known = self._read_again()
            return known if known and known.value != refused.value else None

    def is_set(self) -> bool:
        """Whether the operator has set a value. This needs only DescribeSecret, which does not reveal the value."""
        if not self._known_set:
            versions = self._secrets.describe_secret(SecretId=self._secret_id).get("VersionIdsToStages", {})
            self._known_set = any("AWSCURRENT" in stages for stages in versions.values())
        return self._known_set

    def _read_again(self) -> Secret:
        try:
            self._secret, self._read_at = self._read(), self._clock()
        except (NotConfigured, *AWS_ERRORS):
            if not self._secret:
                raise
            # The cached value is most likely still right; if it is not, HubSpot refuses it.
            self._read_at, self._failed_at = _NEVER, self._clock()
        return self._secret

    def _read(self) -> Secret:
        try:
            answer = self._secrets.get_secret_value(SecretId=self._secret_id)
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                raise NotConfigured from error
            raise
        value = answer.get("SecretString", "").strip()  # absent when the operator stored bytes
        if not value:
            raise NotConfigured
        return Secret(value, answer["VersionId"])
