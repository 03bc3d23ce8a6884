"""Reads the origin of a URL, and adds parameters to a URL's query."""

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote_plus, urlencode, urlsplit

MOST_URL = 2048


def origin_of(url: str) -> str:
    """Scheme, host and port of a trusted URL. Nothing is checked."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def add_query(url: str, parameters: Mapping[str, str]) -> str:
    """Add ``parameters`` to the query of ``url``, replacing any of the same names.

    Without the replacement the author of ``url`` could put another ``hub_id`` or ``state`` before ours. A semicolon
    separates parameters too, because some servers read it so.
    """
    if not parameters:
        return url
    base, hash_sign, fragment = url.partition("#")
    path, question_mark, query = base.partition("?")
    # Each piece is one parameter with the separator after it.
    pieces = re.findall("[^&;]*[&;]|[^&;]+", query)
    kept = "".join(piece for piece in pieces if unquote_plus(piece.rstrip("&;").partition("=")[0]) not in parameters)
    glue = "" if kept.endswith("&") or (question_mark and not kept) else "&" if question_mark else "?"
    return f"{path}{question_mark}{kept}{glue}{urlencode(parameters, quote_via=quote)}{hash_sign}{fragment}"
