"""Parses environment variables into values."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

ORIGIN = re.compile(r"https://[A-Za-z0-9.-]+(:\d{1,5})?|http://(localhost|127\.0\.0\.1)(:\d{1,5})?")


class EnvReader:
    """Reads one variable at a time.

    A method adds to ``faults`` instead of raising, so the values are usable only if ``faults`` is empty.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.faults: list[str] = []

    def words(self, name: str) -> tuple[str, ...]:
        return tuple(self._environ.get(name, "").split())

    def text(self, name: str) -> str:
        value = self._environ.get(name, "").strip()
        if not value:
            self.faults.append(f"{name} is missing")
        return value

    def matching(self, name: str, pattern: re.Pattern[str], wanted: str) -> str:
        value = self.text(name)
        if value and not pattern.fullmatch(value):
            self.faults.append(f"{name} is not {wanted}")
        return value

    def number(self, name: str, least: int, most: int) -> int:
        value = self.text(name)
        if re.fullmatch(r"[0-9]{1,6}", value) and least <= int(value) <= most:
            return int(value)
        if value:
            self.faults.append(f"{name} is not a whole number from {least} to {most}")
        return least

    def flag(self, name: str) -> bool:
        value = self.matching(name, re.compile("true|false"), "true or false")
        return value == "true"

    def url(self, name: str, *, optional: bool = False) -> str:
        value = self._environ.get(name, "").strip() if optional else self.text(name)
        if value and not is_web_url(value):
            self.faults.append(f"{name} is not an https URL (http only for localhost)")
        return value

    def redirect_url(self, name: str) -> str:
        value = self.url(name, optional=True)
        fault = redirect_url_fault(value) if value else None
        if fault:
            self.faults.append(f"{name} {fault}")
        return value

    def support(self, name: str) -> str:
        value = self._environ.get(name, "").strip()
        return value if value.startswith("mailto:") else self.url(name, optional=True)

    def origins(self, name: str) -> tuple[str, ...]:
        values = self.words(name)
        self.faults.extend(
            f"{name} has {value!r}, which is not an origin like https://example.com"
            for value in values
            if not ORIGIN.fullmatch(value)
        )
        return values


def redirect_url_fault(value: str) -> str | None:
    """Why this API cannot serve ``value`` as its redirect URL, or None.

    HubSpot compares the whole redirect URL, but a route of API Gateway is only a path, which has no query and ends with
    a slash only at the root.
    """
    base, question_mark, _ = value.partition("?")
    if question_mark:
        return "must not have a query"
    path = urlsplit(base).path
    if not path:
        return "must have a path; for the root write the slash"
    return "must not end with a slash, except at the root" if path.endswith("/") and path != "/" else None


def is_web_url(value: str) -> bool:
    """Whether ``value`` is an absolute https URL with a host (http only for localhost), no user and no fragment."""
    if not value.isascii() or not value.isprintable() or " " in value or "\\" in value:
        return False
    parts = urlsplit(value)
    origin = f"{parts.scheme}://{parts.netloc}"
    return bool(ORIGIN.fullmatch(origin)) and not parts.fragment
