"""Opaque secrets, made from given randomness, and the only form in which they may be shown."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256

Entropy = Callable[[int], bytes]


def opaque(entropy: Entropy, length: int) -> str:
    """A random string of exactly `length` URL-safe characters."""
    return urlsafe_b64encode(entropy(length)).decode()[:length]


def fingerprint(secret: str) -> str:
    """Twelve hex digits that tell two secrets apart and give neither away."""
    return sha256(secret.encode()).hexdigest()[:12]
