"""Sealing tokens: envelope encryption under KMS, one page of format in docs/sealing.md.

A blob is ``version(1) | length of wrapped key(2, big endian) | wrapped key | nonce(12) | ciphertext and tag``. The
plaintext is the JSON of both tokens. AES-256-GCM's associated data names format, app, account and install, so that a
row's tokens cannot be moved to another account or another install.
"""

import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hubspot_oauth.adapters.aws import AWS_ERRORS, code_of
from hubspot_oauth.domain.errors import Unsealable, VaultUnavailable
from hubspot_oauth.domain.models import Tokens
from hubspot_oauth.domain.timing import recent

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

FORMAT = 1
KEY_SECONDS = 900
KEY_USES = 10_000
OPENED_KEYS = 1_000
OPENED_SECONDS = 3600
FAILED_SECONDS = 5  # whoever waited meanwhile hears the same answer, instead of waiting for one each
_NONCE = 12
_TAG = 16
#: KMS says these of a wrapped key that is not one of ours; anything else it says is about today, not about the row.
_NOT_OURS = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})


@dataclass(slots=True)
class _DataKey:
    cipher: AESGCM = field(repr=False)
    wrapped: bytes = field(repr=False)
    born: float
    uses: int = 0


class Sealer:
    """A data key in hand: sealing with it cannot fail for want of KMS."""

    def __init__(self, key: _DataKey, client_id: str) -> None:
        self._key = key
        self._client_id = client_id

    def seal(self, tokens: Tokens, hub_id: int, install_id: str) -> bytes:
        """The blob to store for this account and install."""
        nonce = os.urandom(_NONCE)
        plain = json.dumps([tokens.access_token, tokens.refresh_token]).encode()
        sealed = self._key.cipher.encrypt(nonce, plain, associated_data(self._client_id, hub_id, install_id))
        wrapped = self._key.wrapped
        return bytes([FORMAT]) + len(wrapped).to_bytes(2, "big") + wrapped + nonce + sealed


class Vault:
    """Seals and unseals with data keys that it caches, bounded by age and uses.

    Args:
        kms: A KMS client.
        key_id: The ARN of the stack's own key.
        client_id: The HubSpot app; KMS's encryption context and the associated data both name it.
        clock: Epoch seconds.
    """

    def __init__(self, kms: "KMSClient", key_id: str, client_id: str, clock: Callable[[], float]) -> None:
        self._kms = kms
        self._key_id = key_id
        self._client_id = client_id
        self._clock = clock
        self._current: _DataKey | None = None
        self._opened: OrderedDict[bytes, tuple[AESGCM, float]] = OrderedDict()
        self._failed: tuple[float, str] | None = None  # when, and what KMS said
        self._lock = threading.Lock()

    def sealer(self) -> Sealer:
        """A data key in hand, made by KMS at most once per ``KEY_SECONDS`` and ``KEY_USES``.

        Raises:
            VaultUnavailable: KMS refused or did not answer.
        """
        with self._lock:
            key = self._current
            if key is None or key.uses >= KEY_USES or not recent(key.born, self._clock(), KEY_SECONDS):
                key = self._current = self._generate()
            key.uses += 1
            return Sealer(key, self._client_id)

    def unseal(self, blob: bytes, hub_id: int, install_id: str) -> Tokens:
        """The tokens that were sealed for exactly this account and install.

        Raises:
            Unsealable: Not our format, altered, or sealed for something else.
            VaultUnavailable: KMS refused or did not answer.
        """
        wrapped, nonce, sealed = _split(blob)
        try:
            plain = self._open(wrapped).decrypt(nonce, sealed, associated_data(self._client_id, hub_id, install_id))
        except InvalidTag as error:
            raise Unsealable(f"the tokens of {hub_id} do not open") from error
        access_token, refresh_token = json.loads(plain)
        return Tokens(access_token, refresh_token)

    def _generate(self) -> _DataKey:
        if self._failed and recent(self._failed[0], self._clock(), FAILED_SECONDS):
            raise _no_data_key(self._failed[1])
        try:
            answer = self._kms.generate_data_key(
                KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=self._context()
            )
        except AWS_ERRORS as error:
            self._failed = self._clock(), code_of(error)
            raise _no_data_key(code_of(error)) from error
        key = _DataKey(AESGCM(answer["Plaintext"]), answer["CiphertextBlob"], self._clock())
        self._remember(key.wrapped, key.cipher)
        return key

    def _open(self, wrapped: bytes) -> AESGCM:
        with self._lock:
            found = self._opened.get(wrapped)
            if found and recent(found[1], self._clock(), OPENED_SECONDS):
                self._opened.move_to_end(wrapped)
                return found[0]
        try:
            answer = self._kms.decrypt(KeyId=self._key_id, CiphertextBlob=wrapped, EncryptionContext=self._context())
        except AWS_ERRORS as error:
            if code_of(error) in _NOT_OURS:
                raise Unsealable(f"the data key does not open: {code_of(error)}") from error
            raise VaultUnavailable("the data key cannot be opened", code_of(error)) from error
        cipher = AESGCM(answer["Plaintext"])
        with self._lock:
            self._remember(wrapped, cipher)
        return cipher

    def _remember(self, wrapped: bytes, cipher: AESGCM) -> None:
        self._opened[wrapped] = (cipher, self._clock())
        while len(self._opened) > OPENED_KEYS:
            self._opened.popitem(last=False)

    def _context(self) -> dict[str, str]:
        return {"hubspot_client_id": self._client_id}


def _no_data_key(code: str) -> VaultUnavailable:
    return VaultUnavailable("no data key", code)


def associated_data(client_id: str, hub_id: int, install_id: str) -> bytes:
    """What a blob is tied to. JSON, so that no two different quadruples read the same."""
    return json.dumps([FORMAT, client_id, hub_id, install_id], separators=(",", ":")).encode()


def _split(blob: bytes) -> tuple[bytes, bytes, bytes]:
    if len(blob) < 3 or blob[0] != FORMAT:  # noqa: PLR2004 - version and length
        raise Unsealable("not a blob of a format this version knows")
    end = 3 + int.from_bytes(blob[1:3], "big")
    if len(blob) < end + _NONCE + _TAG:
        raise Unsealable("the blob is cut short")
    return blob[3:end], blob[end : end + _NONCE], blob[end + _NONCE :]
