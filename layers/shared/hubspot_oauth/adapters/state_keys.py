"""Reads and caches the state keys, which sign states and install links."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from hubspot_oauth.adapters.aws import code_of
from hubspot_oauth.domain.clocks import Clock, recent

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHE_SECONDS = 300
#: Shorter than any consent at HubSpot takes, so that a state signed with a new key verifies when the browser returns.
REREAD_SECONDS = 1
_NEVER = float("-inf")


class StateKeys:
    """The secret's versions AWSPREVIOUS, if there is one, and AWSCURRENT.

    After a rotation other containers may sign with a key that is not cached here yet. A caller that cannot verify a
    signature calls ``reread``.
    """

    def __init__(self, secrets: "SecretsManagerClient", secret_id: str, clock: Clock) -> None:
        self._secrets = secrets
        self._secret_id = secret_id
        self._clock = clock
        self._keys: list[str] = []
        self._read_at = _NEVER

    def __call__(self) -> list[str]:
        """The keys, oldest first, read again after ``CACHE_SECONDS``."""
        if not recent(self._read_at, self._clock(), CACHE_SECONDS):
            self._read()
        return self._keys

    def reread(self) -> bool:
        """Read the keys again, at most every ``REREAD_SECONDS``; return whether they have changed."""
        before = self._keys
        if not recent(self._read_at, self._clock(), REREAD_SECONDS):
            self._read()
        return self._keys != before

    def _read(self) -> None:
        current = self._secrets.get_secret_value(SecretId=self._secret_id, VersionStage="AWSCURRENT")
        self._keys = [*self._previous(), current["SecretString"]]
        self._read_at = self._clock()

    def _previous(self) -> list[str]:
        try:
            answer = self._secrets.get_secret_value(SecretId=self._secret_id, VersionStage="AWSPREVIOUS")
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return []
            raise
        return [answer["SecretString"]]
