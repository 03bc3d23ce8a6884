"""The state keys: what signs states and install links. Read late, cached briefly, never shown."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from hubspot_oauth.adapters.aws import code_of
from hubspot_oauth.domain.timing import Clock, recent

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHE_SECONDS = 300
#: Shorter than any way through HubSpot, so that a browser that comes back with a newly rotated key is understood.
REREAD_SECONDS = 1
_NEVER = float("-inf")


class StateKeys:
    """The keys that sign what travels through browsers: Secrets Manager's AWSPREVIOUS, then AWSCURRENT.

    A key rotated in stays usable at once: whoever meets a signature it does not know calls ``reread``.
    """

    def __init__(self, secrets: "SecretsManagerClient", secret_id: str, clock: Clock) -> None:
        self._secrets = secrets
        self._secret_id = secret_id
        self._clock = clock
        self._keys: list[str] = []
        self._read_at = _NEVER

    def __call__(self) -> list[str]:
        """The keys, oldest first, read at most every ``CACHE_SECONDS``."""
        if not recent(self._read_at, self._clock(), CACHE_SECONDS):
            self._read()
        return self._keys

    def reread(self) -> bool:
        """Read again, at most every ``REREAD_SECONDS``; whether there are other keys now."""
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
