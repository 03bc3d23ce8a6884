"""The cookie that ties an install to the browser that started it.

Each install has its own cookie, so that parallel tabs do not overwrite one another's.
"""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from hubspot_oauth.adapters.api_gateway import Event

#: Longer than a state lives, so that a late browser still gets the link that starts the same install again, and a
#: reload still shows the landing.
COOKIE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Cookie:
    """The cookie of one install. ``value`` is the secret whose hash the state carries."""

    name: str
    value: str = field(repr=False)
    secure: bool

    @classmethod
    def of(cls, nonce: str, redirect_uri: str, browser_secret: str) -> "Cookie":
        """The cookie of the install with this nonce."""
        return cls(cookie_name(nonce, redirect_uri), browser_secret, secure(redirect_uri))

    def header(self) -> str:
        """The ``Set-Cookie`` header's value."""
        flags = "; Secure" if self.secure else ""
        return f"{self.name}={self.value}; Path=/; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Lax{flags}"


def cookie_name(nonce: str, redirect_uri: str) -> str:
    """The name of one install's cookie. ``__Host-`` ties it to this host; http://localhost cannot use that prefix."""
    prefix = "__Host-" if secure(redirect_uri) else ""
    return f"{prefix}hubspot-install-{nonce[:12]}"


def secure(redirect_uri: str) -> bool:
    """Whether the cookie is Secure: always, except for http on localhost, where Safari would drop it."""
    return not (redirect_uri.startswith("http://") and urlsplit(redirect_uri).hostname == "localhost")


def cookies_of(event: Event) -> dict[str, str]:
    """The request's cookies by name. If a name occurs twice, the first cookie counts: it has the more specific path."""
    pairs = (cookie.partition("=") for cookie in reversed(event.get("cookies") or []))
    return {name.strip(): value.strip() for name, _, value in pairs}
