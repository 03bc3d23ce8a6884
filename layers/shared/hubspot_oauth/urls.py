"""Which addresses a browser may be sent to, and how parameters are added to one.

Checks compare whole prefixes of plain ASCII instead of parsed parts: what two parsers read differently cannot pass.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlencode

MOST_URL = 2048
_PLAIN = re.compile(r"[!#-\[\]^_`a-z{|}~]+")  # printable ASCII without space, quotation mark and backslash
_HUBSPOT = re.compile(r"https://app(-[a-z0-9]{1,16})?\.hubspot\.com")
_HUB_ID = re.compile(r"[1-9][0-9]{0,15}")


def parse_hub_id(value: str) -> int | None:
    """The account's number, or None. ``int()`` would also take ``0123``, ``+123``, ``1_23`` and full-width digits."""
    return int(value) if _HUB_ID.fullmatch(value) else None


def within(url: str, origins: Iterable[str]) -> bool:
    """Whether ``url`` is on one of ``origins``: same scheme, host and port to the letter."""
    if len(url) > MOST_URL or not _PLAIN.fullmatch(url):
        return False
    return any(url == origin or url.startswith((f"{origin}/", f"{origin}?", f"{origin}#")) for origin in origins)


def on_hubspot(url: str, app_url: str) -> bool:
    """Whether ``url`` is a page of HubSpot's app, of any hublet: https, no user, no port. ``app_url`` counts as one."""
    origin = _HUBSPOT.match(url)
    return within(url, [app_url, *([origin[0]] if origin else [])])


def add_query(url: str, parameters: Mapping[str, str]) -> str:
    """``url`` with more parameters; what it has stays as it is, its fragment last."""
    if not parameters:
        return url
    base, hash_sign, fragment = url.partition("#")
    glue = "" if base.endswith(("?", "&")) else "&" if "?" in base else "?"
    return f"{base}{glue}{urlencode(parameters, quote_via=quote)}{hash_sign}{fragment}"
