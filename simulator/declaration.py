"""app-hsmeta.json, an app's declaration, and the rules HubSpot has for it."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SCOPE_LISTS = ("requiredScopes", "conditionallyRequiredScopes", "optionalScopes")


class InvalidDeclaration(Exception):
    """`faults` has one sentence for each broken rule."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def load_declaration(path: Path) -> dict[str, Any]:
    """Read an app-hsmeta.json and check it.

    Raises:
        InvalidDeclaration: The file cannot be read, is not JSON, or breaks rules; each broken rule is named.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InvalidDeclaration(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidDeclaration(f"{path} is not JSON: {error}") from error
    if faults := declaration_faults(document):
        raise InvalidDeclaration(*faults)
    return dict(document)


def declaration_faults(document: object) -> list[str]:
    """One sentence for each rule that the declaration breaks."""
    config = document.get("config") if isinstance(document, dict) else None
    auth = config.get("auth") if isinstance(config, dict) else None
    if not isinstance(auth, dict):
        return ["config.auth is missing: this is not the app-hsmeta.json of an app"]
    names = ("redirectUrls", *SCOPE_LISTS)
    faults = [f"config.auth.{name} is not a list of texts" for name in names if not _is_texts(auth.get(name, []))]
    if auth.get("type") != "oauth":
        faults.append('config.auth.type is not "oauth": only an OAuth app can be installed by many accounts')
    return faults or [*_redirect_faults(auth.get("redirectUrls", [])), *_scope_faults(auth)]


def is_acceptable_redirect(url: str) -> bool:
    """HubSpot accepts https with a domain name, and http for localhost only."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = parts.hostname or ""
    if parts.scheme == "http":
        return host == "localhost"
    is_address = ":" in host or host.replace(".", "").isdigit()
    return parts.scheme == "https" and bool(host) and not is_address


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)


def _redirect_faults(urls: Sequence[str]) -> list[str]:
    if not urls:
        return ["config.auth.redirectUrls is empty: HubSpot has no URL to send the browser back to"]
    rule = "a redirect URL must use https and a domain name, or http and localhost, and have no fragment"
    return [f"{url}: {rule}" for url in urls if "#" in url or not is_acceptable_redirect(url)]


def _scope_faults(auth: Mapping[str, Any]) -> list[str]:
    scopes = Counter(scope for name in SCOPE_LISTS for scope in auth.get(name, []))
    faults = [f"{scope} is listed more than once" for scope, times in scopes.items() if times > 1]
    faults += [
        f"{scope!r} is not one scope; list each as a text of its own" for scope in scopes if set(scope) & set(" ,")
    ]
    if not auth.get("requiredScopes"):
        faults.append("config.auth.requiredScopes is empty: HubSpot wants at least one scope there, such as oauth")
    return faults
