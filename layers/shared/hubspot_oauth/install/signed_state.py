"""Signs and verifies the OAuth state and the install link, which travel through browsers.

Both are signed with HMAC-SHA256 (itsdangerous; its default digest is SHA-1) under different salts, so that one is
never accepted as the other. Keys are a list, oldest first: the last one signs, and each of them verifies.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Protocol, TypeVar

from itsdangerous import BadData, URLSafeSerializer

from hubspot_oauth.domain.install_state import InstallLink, InstallState, Kind
from hubspot_oauth.domain.versions import known_fields


class BadSignature(Exception):
    """The value was not signed with any of the keys, or is not of the expected kind."""


class Keys(Protocol):
    """Cached signing keys; ``reread`` reloads them."""

    def __call__(self) -> Sequence[str]:
        """The keys, oldest first."""

    def reread(self) -> bool:
        """Reload the keys; return whether they changed."""


_Signed = TypeVar("_Signed")


def sign_state(state: InstallState, keys: Sequence[str]) -> str:
    """The OAuth ``state`` parameter."""
    return _serializer(keys, "install-state").dumps(_compact(state))


def read_state(value: str, keys: Sequence[str]) -> InstallState:
    """Verify and parse a state; the caller checks whether it has expired.

    Raises:
        BadSignature: No key has signed it, or an incompatible version of this code wrote it.
    """
    content = known_fields(InstallState, _load(value, keys, "install-state"))
    try:
        return InstallState(**{**content, "kind": Kind(content["kind"])})
    except (KeyError, TypeError, ValueError) as error:
        raise BadSignature("a state of another version") from error


def sign_link(link: InstallLink, keys: Sequence[str]) -> str:
    """The ``link`` parameter of an install link."""
    return _serializer(keys, "install-link").dumps(_compact(link))


def read_link(value: str, keys: Sequence[str]) -> InstallLink:
    """Verify and parse an install link; the caller checks whether it has expired.

    Raises:
        BadSignature: No key has signed it, or an incompatible version of this code wrote it.
    """
    try:
        return InstallLink(**known_fields(InstallLink, _load(value, keys, "install-link")))
    except TypeError as error:
        raise BadSignature("a link of another version") from error


def with_keys(read: Callable[[str, Sequence[str]], _Signed], value: str, keys: Keys) -> _Signed:
    """Call ``read`` with the cached keys; if that fails, reload them once, because a new key may have been added.

    Raises:
        BadSignature: No key has signed it.
    """
    try:
        return read(value, keys())
    except BadSignature:
        if not keys.reread():
            raise
        return read(value, keys())


def _serializer(keys: Sequence[str], salt: str) -> URLSafeSerializer:
    return URLSafeSerializer(list(keys), salt=f"hubspot-oauth/{salt}", signer_kwargs={"digest_method": hashlib.sha256})


def _compact(value: InstallState | InstallLink) -> dict[str, Any]:
    return {name: content for name, content in asdict(value).items() if content is not None}


def _load(value: str, keys: Sequence[str], salt: str) -> dict[str, Any]:
    try:
        return dict(_serializer(keys, salt).loads(value))
    except BadData as error:
        raise BadSignature(salt) from error
