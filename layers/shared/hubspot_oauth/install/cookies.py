"""The cookie that ties an install to the browser that started it.

Each install has its own cookie, so that parallel tabs do not overwrite one another's. A browser keeps the cookies of
its newest installs only, so that they fit into a request: API Gateway takes 10,240 bytes of request line and headers.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from hubspot_oauth.adapters.api_gateway import Event

#: Longer than a state lives, so that a late browser still gets the link that starts the same install again, and a
#: reload still shows the landing.
COOKIE_SECONDS = 3600
#: After the install has ended, for a reload of its last page.
ENDED_SECONDS = 300
#: One install's cookie has 70 bytes in a request.
MOST_COOKIES = 8


@dataclass(frozen=True, slots=True)
class Cookie:
    """The cookie of one install. ``value`` is the secret whose hash the state carries."""

    name: str
    value: str = field(repr=False)
    secure: bool
    seconds: int = COOKIE_SECONDS

    @classmethod
    def of(cls, nonce: str, redirect_uri: str, browser_secret: str) -> "Cookie":
        """The cookie of the install with this nonce."""
        return cls(cookie_name(nonce, redirect_uri), browser_secret, secure(redirect_uri))

    def ended(self) -> "Cookie":
        """The same cookie, which the browser drops after ``ENDED_SECONDS`` because the install has ended."""
        return replace(self, seconds=ENDED_SECONDS)

    def header(self) -> str:
        """The ``Set-Cookie`` header's value."""
        flags = "; Secure" if self.secure else ""
        return f"{self.name}={self.value}; Path=/; Max-Age={self.seconds}; HttpOnly; SameSite=Lax{flags}"


def cookie_name(nonce: str, redirect_uri: str) -> str:
    """The name of one install's cookie. ``__Host-`` ties it to this host; http://localhost cannot use that prefix."""
    prefix = "__Host-" if secure(redirect_uri) else ""
    return f"{prefix}hubspot-install-{nonce[:12]}"


def secure(redirect_uri: str) -> bool:
    """Whether the cookie is Secure: always, except for http on localhost, where Safari would drop it."""
    return not (redirect_uri.startswith("http://") and urlsplit(redirect_uri).hostname == "localhost")


def surplus(names: Iterable[str], redirect_uri: str) -> list[Cookie]:
    """Withdrawals of the oldest installs' cookies, so that one more stays within ``MOST_COOKIES``.

    ``names`` are the names of the request's cookies; browsers send the oldest first (RFC 6265, 5.4).
    """
    ours = re.compile(re.escape(cookie_name("", redirect_uri)) + "[A-Za-z0-9_-]{1,12}")
    started = [name for name in names if ours.fullmatch(name)]
    return [Cookie(name, "", secure(redirect_uri), seconds=0) for name in started[: 1 - MOST_COOKIES]]


def cookies_of(event: Event) -> dict[str, str]:
    """The request's cookies by name, in the order of the request.

    If a name occurs twice, the first cookie counts: it has the more specific path. Only spaces and tabs are trimmed
    (RFC 6265, 5.2). Browsers take a name that begins with other white space for one without the ``__Host-`` prefix, so
    a sibling host may set it; trimming that white space would make the cookie ours.
    """
    cookies: dict[str, str] = {}
    for cookie in event.get("cookies") or []:
        name, equals, value = cookie.partition("=")
        if equals:
            cookies.setdefault(name.strip(" \t"), value.strip(" \t"))
    return cookies
