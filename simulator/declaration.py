"""What an app declares, and HubSpot's rules for it."""

from urllib.parse import urlsplit


def is_acceptable_redirect(url: str) -> bool:
    """HubSpot takes https with a domain name, and http for localhost only."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_address = ":" in host or host.replace(".", "").isdigit()
    return host == "localhost" if parts.scheme == "http" else parts.scheme == "https" and bool(host) and not is_address
