"""The vault seals and unseals tokens with data keys from KMS."""

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hubspot_oauth.adapters.aws import AWS_ERRORS, code_of
from hubspot_oauth.adapters.sealing import DataKey, Sealed, Sealer, associated_data
from hubspot_oauth.adapters.telemetry import Report
from hubspot_oauth.domain.account import Account
from hubspot_oauth.domain.api_errors import TokensUnreadable, VaultUnavailable
from hubspot_oauth.domain.clocks import Clock, recent
from hubspot_oauth.domain.tokens import Tokens

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

KEY_SECONDS = 900
KEY_USES = 10_000
OPENED_KEYS = 1_000
OPENED_SECONDS = 3600
FAILED_SECONDS = 5  # negative cache: waiting threads fail at once instead of each calling KMS
#: KMS's codes for a wrapped key that is not one of ours. Any other code says nothing about the row.
_NOT_OURS = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})


class Vault:
    """Seals and unseals tokens. It caches data keys, bounded by age, uses and number.

    Args:
        kms: A KMS client.
        key_id: The ARN of the stack's own key.
        client_id: The HubSpot app; KMS's encryption context and the associated data both name it.
        report: Counts rows whose tokens cannot be unsealed.
        clock: Epoch seconds.
    """

    def __init__(self, kms: "KMSClient", *, key_id: str, client_id: str, report: Report, clock: Clock) -> None:
        self._kms = kms
        self._key_id = key_id
        self._client_id = client_id
        self._report = report
        self._clock = clock
        self._current: DataKey | None = None
        self._opened: OrderedDict[bytes, tuple[AESGCM, float]] = OrderedDict()
        self._failed: tuple[float, str] | None = None  # when KMS last failed to make a data key, and the error's code
        self._lock = threading.Lock()

    def sealer(self) -> Sealer:
        """A sealer. KMS makes a new data key only after ``KEY_SECONDS`` or ``KEY_USES``.

        Raises:
            VaultUnavailable: KMS refused or did not answer.
        """
        with self._lock:
            key = self._current
            if key is None or key.uses >= KEY_USES or not recent(key.born, self._clock(), KEY_SECONDS):
                key = self._current = self._generate()
            key.uses += 1
            return Sealer(key, self._client_id)

    def unseal(self, account: Account) -> Tokens:
        """The tokens of a row, which were sealed for exactly this account and install.

        Raises:
            TokensUnreadable: The blob is malformed, altered or sealed for something else. An alarm rings.
            VaultUnavailable: KMS refused or did not answer.
        """
        try:
            blob = Sealed.parse(account.sealed)
            cipher = self._open(blob.wrapped)
            return blob.open(cipher, associated_data(self._client_id, account.key, account.install_id))
        except TokensUnreadable as error:
            self._report("TokensUnreadable", hub_id=account.hub_id, detail=error.detail)
            raise

    def _generate(self) -> DataKey:
        if self._failed and recent(self._failed[0], self._clock(), FAILED_SECONDS):
            raise VaultUnavailable("KMS gives no data key:", aws_code=self._failed[1])
        try:
            answer = self._kms.generate_data_key(
                KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=self._context()
            )
        except AWS_ERRORS as error:
            self._failed = self._clock(), code_of(error)
            raise VaultUnavailable("KMS gives no data key:", aws_code=code_of(error)) from error
        key = DataKey(AESGCM(answer["Plaintext"]), answer["CiphertextBlob"], self._clock())
        self._remember(key.wrapped, key.cipher)
        return key

    def _open(self, wrapped: bytes) -> AESGCM:
        with self._lock:
            found = self._opened.get(wrapped)
            if found and recent(found[1], self._clock(), OPENED_SECONDS):
                self._opened.move_to_end(wrapped)
                return found[0]
        cipher = AESGCM(self._unwrap(wrapped))
        with self._lock:
            self._remember(wrapped, cipher)
        return cipher

    def _unwrap(self, wrapped: bytes) -> bytes:
        try:
            answer = self._kms.decrypt(KeyId=self._key_id, CiphertextBlob=wrapped, EncryptionContext=self._context())
        except AWS_ERRORS as error:
            if code_of(error) in _NOT_OURS:
                raise TokensUnreadable(f"The data key does not open: {code_of(error)}.") from error
            raise VaultUnavailable("KMS does not open a data key:", aws_code=code_of(error)) from error
        return answer["Plaintext"]

    def _remember(self, wrapped: bytes, cipher: AESGCM) -> None:
        self._opened[wrapped] = (cipher, self._clock())
        while len(self._opened) > OPENED_KEYS:
            self._opened.popitem(last=False)

    def _context(self) -> dict[str, str]:
        return {"hubspot_client_id": self._client_id}
