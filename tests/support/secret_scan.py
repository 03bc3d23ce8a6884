"""Looks for secrets where none may be: as they are, URL-encoded, base64-encoded, or only their first 20 characters."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import parse_qs, quote, quote_plus, urlsplit

PREFIX_LENGTH = 20


def leaks(places: Mapping[str, str], secrets: Mapping[str, str]) -> list[str]:
    """Each leak as "place: secret (form)"; `places` and `secrets` are text by name."""
    assert all(len(secret) >= PREFIX_LENGTH for secret in secrets.values()), "too short to be told from chance"
    forms = [(name, form, text) for name, secret in secrets.items() for form, text in _forms(secret)]
    return [
        f"{place}: {name} ({form})"
        for place, content in places.items()
        for name, form, text in forms
        if text in content
    ]


def secrets_in(addresses: Iterable[str]) -> dict[str, str]:
    """The codes, states and links in the queries of these addresses, each once."""
    values = (
        (name, value)
        for address in addresses
        for name, given in parse_qs(urlsplit(address).query).items()
        for value in given
        if name in {"code", "state", "link"} and len(value) >= PREFIX_LENGTH
    )
    return {f"{name} {number}": value for number, (name, value) in enumerate(dict.fromkeys(values))}


def _forms(secret: str) -> Iterator[tuple[str, str]]:
    start = secret[:PREFIX_LENGTH]
    yield "first characters", start  # the whole secret has them too
    for encoded in {quote(start, safe=""), quote_plus(start)} - {start}:
        yield "URL-encoded", encoded
    for before in range(3):
        # Where the secret stands in the text that was encoded decides which of three forms it takes; the characters at
        # both ends also depend on its neighbours.
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"\0" * before + start.encode()).decode().rstrip("=")
            yield "base64", encoded[-(-before * 8 // 6) : -1] if before else encoded[:-1]
