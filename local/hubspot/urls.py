"""URLs put together from parts: a redirect keeps the query its URL already had."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit


def with_query(url: str, parameters: Mapping[str, str | None]) -> str:
    """The URL with the parameters that are not None appended, percent-encoded."""
    parts = urlsplit(url)
    given = {name: value for name, value in parameters.items() if value is not None}
    query = "&".join(filter(None, (parts.query, urlencode(given, quote_via=quote, safe=""))))
    return parts._replace(query=query).geturl()


def is_acceptable_redirect(url: str) -> bool:
    """HubSpot takes https with a domain name, and http for localhost only."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_address = ":" in host or host.replace(".", "").isdigit()
    return host == "localhost" if parts.scheme == "http" else parts.scheme == "https" and bool(host) and not is_address
