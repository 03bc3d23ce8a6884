"""Signatures over what travels through browsers: the OAuth state and the install link.

Both are signed with HMAC-SHA256 (itsdangerous; its default digest is SHA-1) under different salts, so that one never
passes for the other. Keys come as a list, oldest first: the last one signs, all of them verify.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Protocol, TypeVar

from itsdangerous import BadData, URLSafeSerializer

from hubspot_oauth.domain.state import InstallLink, InstallState, Kind
from hubspot_oauth.domain.versions import known_fields


class BadSignature(Exception):
    """The value was not signed with any of the keys, or is not of the expected kind."""


class Keys(Protocol):
    """The keys as they are known here, and a look whether there are others by now."""

    def __call__(self) -> Sequence[str]:
        """Oldest first."""

    def reread(self) -> bool:
        """Whether there are other keys now."""


_Signed = TypeVar("_Signed")


def sign_state(state: InstallState, keys: Sequence[str]) -> str:
    """The OAuth ``state`` parameter."""
    return _serializer(keys, "install-state").dumps(_compact(state))


def read_state(value: str, keys: Sequence[str]) -> InstallState:
    """The state that was signed. Says nothing about its age.

    Raises:
        BadSignature: It was not signed here.
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
    """The install link that was signed. Says nothing about its age.

    Raises:
        BadSignature: It was not signed here.
    """
    try:
        return InstallLink(**known_fields(InstallLink, _load(value, keys, "install-link")))
    except TypeError as error:
        raise BadSignature("a link of another version") from error


def with_keys(read: Callable[[str, Sequence[str]], _Signed], value: str, keys: Keys) -> _Signed:
    """What ``read`` makes of ``value``; with keys read again once, since one may have been rotated in a moment ago.

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
