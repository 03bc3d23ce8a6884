"""What can be read off an address and off a page of the product."""

from urllib.parse import parse_qs, urlsplit


def query_of(url: str) -> dict[str, str]:
    """The query's parameters, each with its first value."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def refusal_code(page: str) -> str | None:
    """The refusal's code on a page, or None."""
    _, found, after = page.partition("Code: <code>")
    return after.partition("</code>")[0] if found else None


def button_target(page: str) -> str:
    """Where the page's button leads, as it stands in the HTML."""
    return page.split('class="button" href="')[1].partition('"')[0]
