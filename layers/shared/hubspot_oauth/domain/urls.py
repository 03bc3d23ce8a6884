"""Which addresses a browser may be sent to, and how parameters are added to one.

Checks compare whole prefixes of plain ASCII instead of parsed parts: what two parsers read differently cannot pass.
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
    """Scheme, host and port of a URL of ours."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def within(url: str, origins: Iterable[str]) -> bool:
    """Whether ``url`` is on one of ``origins``: same scheme, host and port to the letter."""
    if len(url) > MOST_URL or not _PLAIN.fullmatch(url):
        return False
    return any(url == origin or url.startswith((f"{origin}/", f"{origin}?", f"{origin}#")) for origin in origins)


def on_hubspot(url: str, app_url: str) -> bool:
    """Whether ``url`` is a page of HubSpot's app, of any hublet: https, no user, no port. ``app_url`` counts as one."""
    origin = _HUBSPOT.match(url)
    return within(url, [app_url, *([origin[0]] if origin else [])])


def agrees(url: str, expected: Mapping[str, str]) -> bool:
    """Whether the query of ``url`` says nothing else than ``expected`` wherever it has one of these parameters."""
    query = url.partition("#")[0].partition("?")[2]
    pairs = (pair.partition("=") for pair in re.split("[&;]", query))
    return all(unquote_plus(value) == expected.get(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs)


def add_query(url: str, parameters: Mapping[str, str]) -> str:
    """``url`` with these parameters and no others of their names; what else it has stays as it is, its fragment last.

    Whoever wrote ``url`` could otherwise put a ``hub_id`` or a ``state`` of their own before ours.
    """
    if not parameters:
        return url
    base, hash_sign, fragment = url.partition("#")
    path, question_mark, query = base.partition("?")
    kept = "&".join(pair for pair in query.split("&") if unquote_plus(pair.partition("=")[0]) not in parameters)
    glue = "" if kept.endswith("&") or (question_mark and not kept) else "&" if question_mark else "?"
    return f"{path}{question_mark}{kept}{glue}{urlencode(parameters, quote_via=quote)}{hash_sign}{fragment}"
