"""A HubSpot client for checks: it can send wrong requests, and keeps the tokens and codes that checks share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from secrets import token_urlsafe
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import requests

from simulator.verification.findings import NotTested, Reply

TIMEOUT_SECONDS = 20

# (what to do, authorization URL) -> the URL at which the person's browser came back.
Person = Callable[[str, str], str]


@dataclass(slots=True)
class HubSpot:
    """One app at one HubSpot. A fact that needs a field is not tested while that field is None."""

    api_url: str
    app_url: str
    client_id: str
    client_secret: str = field(repr=False)
    version: str
    redirect_uri: str
    scopes: tuple[str, ...] = ("oauth",)
    optional_scopes: tuple[str, ...] = ()
    refresh_token: str | None = field(default=None, repr=False)
    person: Person | None = None
    second_person: Person | None = None
    other_app: tuple[str, str] | None = field(default=None, repr=False)
    wait: Callable[[float], None] | None = None
    may_end_grant: bool = False
    access_token: str | None = field(default=None, repr=False)
    used_code: str | None = field(default=None, repr=False)
    ending: dict[str, Reply] = field(default_factory=dict)
    session: requests.Session = field(default_factory=requests.Session, repr=False)

    def credentials(self) -> dict[str, str]:
        return {"client_id": self.client_id, "client_secret": self.client_secret}

    def post(self, path: str, form: Mapping[str, str], version: str | None = None) -> Reply:
        """POST a form to an OAuth endpoint. The app's credentials are added unless the form has its own."""
        url = f"{self.api_url}/oauth/{version or self.version}/{path}"
        return Reply.of(self.session.post(url, data=self.credentials() | dict(form), timeout=TIMEOUT_SECONDS))

    def post_json(self, path: str, document: Mapping[str, str]) -> Reply:
        """POST JSON to an OAuth endpoint, instead of a form. HubSpot refuses it."""
        url = f"{self.api_url}/oauth/{self.version}/{path}"
        return Reply.of(self.session.post(url, json=self.credentials() | dict(document), timeout=TIMEOUT_SECONDS))

    def details(self, token: str) -> Reply:
        """Read the account details. The call needs no scope, so it shows whether a token works."""
        return self._with_bearer("GET", f"account-info/{self.version}/details", token)

    def uninstall(self, token: str) -> Reply:
        """Remove the app from the token's account."""
        return self._with_bearer("DELETE", f"appinstalls/{self.version}/external-install", token)

    def _with_bearer(self, method: str, path: str, token: str) -> Reply:
        url, headers = f"{self.api_url}/{path}", {"Authorization": f"Bearer {token}"}
        return Reply.of(self.session.request(method, url, headers=headers, timeout=TIMEOUT_SECONDS))

    def exchange(self, code: str, **others: str) -> Reply:
        """Redeem a code; `others` replace or add fields."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri}
        return self.post("token", form | others)

    def refresh(self) -> Reply:
        """Refresh the grant. Keep the refresh token that comes back: the old one may be dead."""
        reply = self.post("token", {"grant_type": "refresh_token", "refresh_token": self.needed_refresh_token()})
        self.refresh_token = reply.text("refresh_token") or self.refresh_token
        self.access_token = reply.text("access_token") or self.access_token
        return reply

    def needed_refresh_token(self) -> str:
        if self.refresh_token is None:
            raise NotTested("needs a refresh token")
        return self.refresh_token

    def live_access_token(self) -> str:
        """Refresh, and return the new access token."""
        reply = self.refresh()
        if not reply.text("access_token"):
            raise NotTested(f"no access token to try with: {reply.seen()}")
        return reply.text("access_token")

    def authorization_url(self, state: str, **others: str) -> str:
        """The URL of the consent page; `others` add parameters."""
        query = {"client_id": self.client_id, "redirect_uri": self.redirect_uri, "scope": " ".join(self.scopes)}
        if self.optional_scopes:
            query["optional_scope"] = " ".join(self.optional_scopes)
        return f"{self.app_url}/oauth/authorize?{urlencode(query | {'state': state} | others, quote_via=quote)}"

    def ask(self, what: str, **others: str) -> tuple[str, dict[str, str]]:
        """Let a person decide; return the state that was sent and the parameters that came back."""
        if self.person is None:
            raise NotTested("needs a person at HubSpot's consent page")
        state = token_urlsafe(24)
        arrived = urlsplit(self.person(what, self.authorization_url(state, **others))).query
        return state, {name: values[0] for name, values in parse_qs(arrived).items()}

    def new_code(self, **others: str) -> str:
        """Ask for consent and return the code; `others` add parameters to the authorization URL."""
        _, arrived = self.ask("Choose your test account and allow the install", **others)
        if "code" not in arrived:
            raise NotTested("no code came back")
        return arrived["code"]

    def let_pass(self, seconds: float, what: str) -> None:
        """Wait, if the caller of the verification allows waiting."""
        if self.wait is None:
            raise NotTested(f"takes {what}")
        self.wait(seconds)
