"""The format of the sealed blob. docs/sealing.md specifies it, with a test vector.

A blob is ``version(1) | length of wrapped key(2, big endian) | wrapped key | nonce(12) | ciphertext and tag``. The
plaintext is the JSON of both tokens. AES-256-GCM's associated data names format, app, account, holder and install, so
that a row's tokens cannot be moved to another row or another install.
"""

import json
import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hubspot_oauth.domain.account import GrantKey
from hubspot_oauth.domain.api_errors import TokensUnreadable
from hubspot_oauth.domain.tokens import Tokens

FORMAT = 1
_NONCE = 12
_TAG = 16


@dataclass(slots=True)
class DataKey:
    """A data key from KMS: its cipher, and the wrapped key that every blob it seals contains."""

    cipher: AESGCM = field(repr=False)
    wrapped: bytes = field(repr=False)
    born: float
    uses: int = 0


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals with a data key that was fetched before, so that sealing needs no call to KMS."""

    data_key: DataKey
    client_id: str

    def seal(self, tokens: Tokens, key: GrantKey, install_id: str) -> bytes:
        """The blob to store for this account and install."""
        nonce = os.urandom(_NONCE)
        plain = json.dumps([tokens.access_token, tokens.refresh_token]).encode()
        sealed = self.data_key.cipher.encrypt(nonce, plain, associated_data(self.client_id, key, install_id))
        wrapped = self.data_key.wrapped
        return bytes([FORMAT]) + len(wrapped).to_bytes(2, "big") + wrapped + nonce + sealed


@dataclass(frozen=True, slots=True)
class Sealed:
    """The parts of a blob."""

    wrapped: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)

    @classmethod
    def parse(cls, blob: bytes) -> "Sealed":
        """Split a blob into its parts.

        Raises:
            TokensUnreadable: The blob is cut short, or this version does not know its format.
        """
        if len(blob) < 3 or blob[0] != FORMAT:  # noqa: PLR2004 - version and length
            raise TokensUnreadable("The stored blob is not of a format that this version knows.")
        end = 3 + int.from_bytes(blob[1:3], "big")
        if len(blob) < end + _NONCE + _TAG:
            raise TokensUnreadable("The stored blob is cut short.")
        return cls(blob[3:end], blob[end : end + _NONCE], blob[end + _NONCE :])

    def open(self, cipher: AESGCM, about: bytes) -> Tokens:
        """The tokens that were sealed with this cipher and this associated data.

        Raises:
            TokensUnreadable: The blob was altered, or sealed for another app, account or install.
        """
        try:
            access_token, refresh_token = json.loads(cipher.decrypt(self.nonce, self.ciphertext, about))
        except InvalidTag as error:
            raise TokensUnreadable("The stored tokens do not open for this app, account and install.") from error
        return Tokens(access_token, refresh_token)


def associated_data(client_id: str, key: GrantKey, install_id: str) -> bytes:
    """The associated data that ties a blob to app, account and install. JSON, so that two lists never encode alike."""
    return json.dumps([FORMAT, client_id, key.hub_id, key.holder, install_id], separators=(",", ":")).encode()
