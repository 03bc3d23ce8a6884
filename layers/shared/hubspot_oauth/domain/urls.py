"""Which addresses a browser may be sent to, and how parameters are added to one.

The checks compare text prefixes of plain ASCII instead of parsed parts, so that a browser and Python cannot parse an
accepted URL differently.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote_plus, urlencode, urlsplit

MOST_URL = 2048
_PLAIN = re.compile(r"[!#-\[\]^_`a-z{|}~]+")  # printable ASCII without space, quotation mark and backslash
_HUBSPOT = re.compile(r"https://app(-[a-z0-9]{1,16})?\.hubspot\.com")
_HUB_ID = re.compile(r"[1-9][0-9]{0,15}")


def parse_hub_id(value: str) -> int | None:
    """The account's number, or None. ``int()`` would also take ``0123``, ``+123``, ``1_23`` and full-width digits."""
    return int(value) if _HUB_ID.fullmatch(value) else None


def origin_of(url: str) -> str:
    """Scheme, host and port of a trusted URL. Nothing is checked."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def within(url: str, origins: Iterable[str]) -> bool:
    """Whether ``url`` has exactly the scheme, host and port of one of ``origins``."""
    if len(url) > MOST_URL or not _PLAIN.fullmatch(url):
        return False
    return any(url == origin or url.startswith((f"{origin}/", f"{origin}?", f"{origin}#")) for origin in origins)


def on_hubspot(url: str, app_url: str) -> bool:
    """Whether ``url`` is on ``app_url`` or on HubSpot's app in any region (https, no user, no port)."""
    origin = _HUBSPOT.match(url)
    return within(url, [app_url, *([origin[0]] if origin else [])])


def agrees(url: str, expected: Mapping[str, str]) -> bool:
    """Whether each query parameter of ``url`` that ``expected`` names has the expected value."""
    query = url.partition("#")[0].partition("?")[2]
    pairs = (pair.partition("=") for pair in re.split("[&;]", query))
    return all(unquote_plus(value) == expected.get(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs)


def add_query(url: str, parameters: Mapping[str, str]) -> str:
    """Add ``parameters`` to the query of ``url``, replacing any of the same names.

    Without the replacement the author of ``url`` could put another ``hub_id`` or ``state`` before ours.
    """
    if not parameters:
        return url
    base, hash_sign, fragment = url.partition("#")
    path, question_mark, query = base.partition("?")
    kept = "&".join(pair for pair in query.split("&") if unquote_plus(pair.partition("=")[0]) not in parameters)
    glue = "" if kept.endswith("&") or (question_mark and not kept) else "&" if question_mark else "?"
    return f"{path}{question_mark}{kept}{glue}{urlencode(parameters, quote_via=quote)}{hash_sign}{fragment}"
