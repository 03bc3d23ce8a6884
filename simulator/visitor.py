"""A user at the consent page, for tests without a browser."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

TIMEOUT_SECONDS = 10
FOUND = 302


class NotSentBack(Exception):
    """HubSpot refused on a page of its own, with no redirect back to the app; `page` is its HTML."""

    def __init__(self, page: str) -> None:
        super().__init__("HubSpot refused on its own page")
        self.page = page


class _Form(HTMLParser):
    """The action and the fields of the page's form. A select's value is its selected option, or else its first."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given["action"]
        elif tag == "input":
            self.fields[given["name"]] = given["value"]
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option" and (self._select not in self.fields or "selected" in given):
            self.fields[self._select] = given["value"]


def decide(authorization_url: str, hub_id: int, decision: str = "allow", user_id: int | None = None) -> str:
    """Choose the account, then allow or cancel; return the URL of HubSpot's redirect without following it.

    Raises:
        NotSentBack: HubSpot refused.
    """
    parts = urlsplit(authorization_url)
    page_url = parts._replace(path=f"/oauth/{hub_id}/authorize").geturl()
    with requests.Session() as browser:
        page = browser.get(page_url, timeout=TIMEOUT_SECONDS)
        if not page.ok:
            raise NotSentBack(page.text)
        form = _Form()
        form.feed(page.text)
        answer = form.fields | {"decision": decision} | ({} if user_id is None else {"user_id": str(user_id)})
        target = urljoin(page_url, form.action)
        sent = browser.post(target, answer, allow_redirects=False, timeout=TIMEOUT_SECONDS)
    if sent.status_code != FOUND:
        raise NotSentBack(sent.text)
    return sent.headers["Location"]
