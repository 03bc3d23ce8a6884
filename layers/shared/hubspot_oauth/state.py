"""Signed values that travel through browsers: the OAuth state and the install link.

Both are signed with HMAC-SHA256 (itsdangerous; its default digest is SHA-1) under different salts, so that one never
passes for the other. Keys come as a list, oldest first: the last one signs, all of them verify.

A state lives for ten minutes and a link for a week, so another version of this code may read them: a field that is new
must have a default, and one that is unknown is passed over.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from itsdangerous import BadData, URLSafeSerializer

from hubspot_oauth.models import known_fields

STATE_SECONDS = 600
LINK_SECONDS = 7 * 24 * 3600


class BadSignature(Exception):
    """The value was not signed with any of the keys, or is not of the expected kind."""


class Kind(StrEnum):
    """Where an install was started."""

    OWN = "own"
    MARKETPLACE = "marketplace"


class Keys(Protocol):
    """The keys as they are known here, and a look whether there are others by now."""

    def __call__(self) -> Sequence[str]:
        """Oldest first."""

    def reread(self) -> bool:
        """Whether there are other keys now."""


_Signed = TypeVar("_Signed")


def browser_hash(browser_secret: str) -> str:
    """What the state keeps of the browser's cookie."""
    return hashlib.sha256(browser_secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class InstallState:
    """What one started install remembers while the browser is at HubSpot.

    Attributes:
        kind: ``own`` always needs the browser's cookie; ``marketplace`` never carries a return_to or a caller's state.
        nonce: Spent once, in the Scratch table; also names the browser's cookie.
        expires_at: Epoch seconds.
        browser: ``browser_hash`` of the cookie's value.
        redirect_uri: What HubSpot was told, repeated at the exchange.
        hub_id: The only account that may come back, when given.
        return_to: Where the browser goes after success; allow-listed when the install started.
        caller_state: The caller's own ``state``, handed back unchanged. Untrusted.
        client_reference_id: The team's own customer, only ever from a signed install link.
    """

    kind: Kind
    nonce: str
    expires_at: int
    browser: str
    redirect_uri: str
    hub_id: int | None = None
    return_to: str | None = None
    caller_state: str | None = None
    client_reference_id: str | None = None


@dataclass(frozen=True, slots=True)
class InstallLink:
    """What the team's back end said about an install before it began: signed, nothing stored."""

    expires_at: int
    client_reference_id: str | None = None
    hub_id: int | None = None
    return_to: str | None = None
    hubspot_return_url: str | None = None


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
