"""Reads ``app-hsmeta.json``, checks it against HubSpot's rules, and derives template parameters from it.

HubSpot reports wrong scopes only on its own pages, to the person who installs. The stack's scopes come from this file,
so that they match what the app declares.
"""

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_LISTS = ("redirectUrls", "requiredScopes", "conditionallyRequiredScopes", "optionalScopes")


class HsMetaError(Exception):
    """The file cannot be used; ``faults`` has one sentence for each reason."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = list(faults)


@dataclass(frozen=True, slots=True)
class HsMeta:
    """What an app-hsmeta.json says about OAuth."""

    name: str
    redirect_urls: tuple[str, ...]
    required_scopes: tuple[str, ...]
    conditional_scopes: tuple[str, ...]
    optional_scopes: tuple[str, ...]

    def parameters(self, conditional: Sequence[str] = ()) -> dict[str, str]:
        """The template parameters that follow from this file.

        ``conditional`` are the conditionally required scopes to ask for; if empty, the stack keeps those it has.
        """
        given = {
            "RequiredScopes": " ".join(self.required_scopes),
            "ConditionalScopes": " ".join(conditional),
            "OptionalScopes": " ".join(self.optional_scopes),
            "AppName": self.name[:60],
        }
        kept = ([] if conditional else ["ConditionalScopes"]) + ([] if self.name else ["AppName"])
        return {name: value for name, value in given.items() if name not in kept}

    def faults(self, parameters: Mapping[str, str]) -> list[str]:
        """One sentence for each conditional scope or redirect URL in ``parameters`` that this file does not declare."""
        wanted = parameters.get("ConditionalScopes", "").split()
        unknown = [scope for scope in wanted if scope not in self.conditional_scopes]
        redirect = self.redirect_fault(parameters["RedirectUrl"]) if parameters.get("RedirectUrl") else None
        faults = [f"{scope} is not among conditionallyRequiredScopes, and HubSpot refuses it" for scope in unknown]
        return faults + ([redirect] if redirect else [])

    def notes(self, redirect_url: str) -> list[str]:
        """What to change in this file after a deploy whose stack has this redirect URL."""
        fault = self.redirect_fault(redirect_url)
        notes = [f"{fault}. Add it and upload the project to HubSpot."] if fault else []
        if "oauth" not in self.required_scopes:
            notes.append(
                "requiredScopes does not list the scope oauth, so installs do not ask for it. If HubSpot's page calls"
                " the scopes insufficient, add it, upload the project and deploy again."
            )
        return notes

    def redirect_fault(self, redirect_url: str) -> str | None:
        """Why HubSpot would refuse ``redirect_url``, or None."""
        if redirect_url in self.redirect_urls:
            return None
        return f"redirectUrls does not list {redirect_url}; HubSpot compares them to the letter"


def load_hsmeta(path: Path) -> HsMeta:
    """Read and check an app-hsmeta.json.

    Raises:
        HsMetaError: The file cannot be read, is not JSON, or breaks HubSpot's rules.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))  # Windows editors write a byte-order mark
    except OSError as error:
        raise HsMetaError([f"{path} cannot be read: {error.strerror}"]) from error
    except (ValueError, RecursionError) as error:  # RecursionError: thousands of nested brackets
        raise HsMetaError([f"{path} is not JSON: {error}"]) from error
    return parse_hsmeta(content)


def parse_hsmeta(content: object) -> HsMeta:
    """Check the content of an app-hsmeta.json.

    Raises:
        HsMetaError: The content breaks HubSpot's rules.
    """
    config = content.get("config") if isinstance(content, dict) else None
    auth = config.get("auth") if isinstance(config, dict) else None
    if not isinstance(config, dict) or not isinstance(auth, dict):
        raise HsMetaError(["config.auth is missing: this is not the app-hsmeta.json of an app"])
    faults = [f"config.auth.{name} is not a list of texts" for name in _LISTS if not _texts(auth.get(name, []))]
    if auth.get("type") != "oauth":
        faults.append('config.auth.type is not "oauth": only an OAuth app can be installed by many accounts')
    if not faults:
        faults = [*_redirect_faults(auth.get("redirectUrls", [])), *_scope_faults(auth)]
    if faults:
        raise HsMetaError(faults)
    return HsMeta(
        name=name if isinstance(name := config.get("name"), str) else "",
        redirect_urls=tuple(auth.get("redirectUrls", [])),
        required_scopes=tuple(auth.get("requiredScopes", [])),
        conditional_scopes=tuple(auth.get("conditionallyRequiredScopes", [])),
        optional_scopes=tuple(auth.get("optionalScopes", [])),
    )


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)


def _redirect_faults(urls: Sequence[str]) -> list[str]:
    if not urls:
        return ["config.auth.redirectUrls is empty: HubSpot would have nowhere to send people back to"]
    return [f"{url}: {fault}" for url in urls if (fault := _redirect_fault(url))]


def _redirect_fault(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "is not an absolute URL"
    host = parts.hostname or ""
    if parts.scheme not in ("https", "http") or not host:
        return "is not an absolute URL"
    if parts.scheme == "http" and host != "localhost":
        return "must use https; http is for localhost only"
    if _is_address(host):
        return "must have a domain name; HubSpot takes no IP addresses"
    return "must not have a fragment" if parts.fragment else None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _scope_faults(auth: Mapping[str, Any]) -> list[str]:
    faults = []
    seen: dict[str, str] = {}
    for name in _LISTS[1:]:
        for scope in auth.get(name, []):
            if scope in seen:
                faults.append(f"{scope} is in {seen[scope]} and in {name}: HubSpot wants each scope in one list, once")
            if " " in scope or "," in scope:
                faults.append(f"{scope!r} in {name} is not one scope; list each as a text of its own")
            seen[scope] = name
    if "requiredScopes" not in seen.values():
        faults.append("requiredScopes is empty: HubSpot wants at least one scope there, such as oauth")
    return faults
