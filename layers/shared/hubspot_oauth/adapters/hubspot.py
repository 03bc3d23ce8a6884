"""HubSpot as this product speaks to it: the authorization URL, the token endpoint, introspect and revoke.

HubSpot's documentation is the source of every parameter and status here. What an answer other than 2xx means *for a
grant* is decided in one place, ``_failure``.
"""

import json
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import requests

from hubspot_oauth.adapters import transport
from hubspot_oauth.adapters.credentials import ClientSecret
from hubspot_oauth.domain.errors import GrantDead, HubSpotError, Misconfigured, TryLater
from hubspot_oauth.domain.models import RefreshTokenOnly, TokenAnswer
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.timing import BACKOFF_MOST_SECONDS, HUBSPOT_SECONDS, PREPARE_SECONDS

if TYPE_CHECKING:
    from hubspot_oauth.domain.state import InstallState

DEAD_STATUS = frozenset({"BAD_REFRESH_TOKEN", "BAD_HUB", "BAD_SCOPES", "BAD_AUTH_CODE", "EXPIRED_AUTH_CODE"})
DEAD_ERROR = frozenset({"invalid_grant", "access_denied"})
OURS_STATUS = frozenset(
    {
        "BAD_CLIENT_ID",
        "BAD_CLIENT_SECRET",
        "BAD_GRANT_TYPE",
        "MISMATCH_REDIRECT_URI_AUTH_CODE",
        "BAD_REDIRECT_URI",
        "BAD_CODE_VERIFIER",
    }
)
TRY_LATER_HTTP = frozenset({408, 423, 425, 429, 477})
#: These tell when to come back, a 477 during an account's migration up to a day later.
SAYS_WHEN_HTTP = frozenset({423, 429, 477})
MOST_RETRY_AFTER = 24 * 3600
MOST_RETRY_AFTER_A_FAULT = BACKOFF_MOST_SECONDS  # a proxy's 503 must not put an account to sleep for hours
_HUB_ID_MOST = 10**16


class HubSpot:
    """One HubSpot app. A call whose client secret is refused is made once more if the secret was rotated meanwhile.

    Args:
        settings: Client id, API version, both base URLs and the scopes.
        client_secret: The app's client secret, asked for when it is needed, and for another when it is refused.
        pool: How many connections may be kept open.
    """

    def __init__(self, settings: Settings, client_secret: ClientSecret, pool: int = 1) -> None:
        self._settings = settings
        self._client_secret = client_secret
        self._pooled = transport.session(pool)

    def authorization_url(self, state: "InstallState", signed: str) -> str:
        """Where the installing user is sent. Scopes are separated by %20, as HubSpot documents."""
        account = f"/{state.hub_id}" if state.hub_id else ""
        query = {
            "client_id": self._settings.client_id,
            "redirect_uri": state.redirect_uri,
            "scope": " ".join(self._settings.requested_scopes),
            "optional_scope": " ".join(self._settings.optional_scopes),
            "state": signed,
        }
        given = {name: value for name, value in query.items() if value}
        return f"{self._settings.app_url}/oauth{account}/authorize?{urlencode(given, quote_via=quote)}"

    def exchange(self, code: str, redirect_uri: str) -> TokenAnswer:
        """Spend an authorization code, on a fresh connection and never twice: a refused client has spent nothing yet.

        Raises:
            HubSpotError: Any of its kinds; the code may have been spent all the same.
            NotConfigured: There is no client secret.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        content = _json(self._post("token", form))
        lacks = _lacks(content)
        if lacks or _refresh_token(content) is None:
            raise TryLater(lacks or "no_refresh_token", 200)
        return _token_answer(content)

    def refresh(
        self, refresh_token: str, client_secret: str, in_time: Callable[[], bool] | None = None
    ) -> TokenAnswer | RefreshTokenOnly:
        """Use a refresh token, over pooled connections. The answer may or may not carry a new one.

        Args:
            refresh_token: Of the account's grant.
            client_secret: In hand before the call, so that nothing of ours can fail between lease and HubSpot.
            in_time: Whether there is time for a second call, with a rotated secret; by default as for all other calls.

        Raises:
            HubSpotError: Any of its kinds.
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}

        def send(secret: str) -> bytes:
            return self._send(self._pooled, "token", form, secret)

        content = _json(self._authenticated(send, client_secret, in_time))
        lacks = _lacks(content)
        if not lacks:
            return _token_answer(content)
        rotated = _refresh_token(content)
        if rotated is None or rotated == refresh_token:
            raise TryLater(lacks, 200)
        return RefreshTokenOnly(rotated, lacks, account_in(content))

    def introspect(self, access_token: str) -> Mapping[str, Any]:
        """What HubSpot knows of an access token: ``hub_id``, ``user``, ``active`` and more.

        Raises:
            HubSpotError: Any of its kinds.
        """
        return _json(self._post("token/introspect", {"token": access_token, "token_type_hint": "access_token"}))

    def revoke(self, refresh_token: str) -> None:
        """End a grant. Access tokens already issued live on to their expiry.

        Raises:
            HubSpotError: Any of its kinds.
        """
        self._post("token/revoke", {"token": refresh_token, "token_type_hint": "refresh_token"})

    def uninstall(self, access_token: str) -> None:
        """Take the app out of the account of this access token. HubSpot e-mails the account's admins.

        Raises:
            HubSpotError: Any of its kinds.
        """
        url = f"{self._settings.api_url}/appinstalls/{self._settings.api_version}/external-install"
        with transport.session(1) as fresh:
            _succeeded(lambda: transport.call(fresh, "DELETE", url, HUBSPOT_SECONDS, bearer=access_token))

    def _post(self, path: str, form: Mapping[str, str]) -> bytes:
        def send(client_secret: str) -> bytes:
            with transport.session(1) as fresh:
                return self._send(fresh, path, form, client_secret)

        return self._authenticated(send, self._client_secret())

    def _authenticated(
        self, send: Callable[[str], bytes], client_secret: str, in_time: Callable[[], bool] | None = None
    ) -> bytes:
        """What HubSpot answers to this client secret; if it refuses it and there is another by now, to that one."""
        began = monotonic()
        try:
            return send(client_secret)
        except Misconfigured as error:
            other = self._client_secret.other_than(client_secret) if error.client_level else None
            if other is None or not (in_time() if in_time else monotonic() - began <= PREPARE_SECONDS):
                raise
            return send(other)

    def _send(self, client: requests.Session, path: str, form: Mapping[str, str], client_secret: str) -> bytes:
        url = f"{self._settings.api_url}/oauth/{self._settings.api_version}/{path}"
        whole = {**form, "client_id": self._settings.client_id, "client_secret": client_secret}
        return _succeeded(lambda: transport.call(client, "POST", url, HUBSPOT_SECONDS, form=whole)).body


def _succeeded(call: Callable[[], transport.Answer]) -> transport.Answer:
    """The answer of a call, or what is wrong with it as a HubSpotError."""
    try:
        answer = call()
    except transport.NoAnswer as error:
        raise TryLater(str(error)) from None
    if not 200 <= answer.status < 300:  # noqa: PLR2004 - a proxy's 203 carries the tokens all the same
        raise _failure(answer)
    return answer


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):  # the latter for thousands of brackets
        raise TryLater("not_json", 200) from None
    if not isinstance(content, dict):
        raise TryLater("not_an_object", 200)
    return content


def _lacks(content: Mapping[str, Any]) -> str:
    """Which part of a token answer is missing or not what it should be; empty when the access token is usable."""
    access_token, expires_in = content.get("access_token"), content.get("expires_in")
    if not (isinstance(access_token, str) and access_token):
        return "no_access_token"
    if not isinstance(expires_in, int | float) or isinstance(expires_in, bool) or not 0 < expires_in < 10**9:
        return "no_expires_in"
    return ""


def _refresh_token(content: Mapping[str, Any]) -> str | None:
    value = content.get("refresh_token")
    return value if isinstance(value, str) and value else None


def _token_answer(content: Mapping[str, Any]) -> TokenAnswer:
    scopes = content.get("scopes")
    return TokenAnswer(
        access_token=content["access_token"],
        refresh_token=_refresh_token(content),
        expires_in=max(1, int(content["expires_in"])),
        hub_id=account_in(content),
        scopes=tuple(s for s in scopes if isinstance(s, str)) if isinstance(scopes, list) else (),
    )


def account_in(content: Mapping[str, Any]) -> int | None:
    """HubSpot's number for the account in a token or introspection answer, if it is there and is one."""
    value = content.get("hub_id")
    known = isinstance(value, int) and not isinstance(value, bool) and 0 < value < _HUB_ID_MOST
    return value if known else None


def for_account(answer: TokenAnswer | RefreshTokenOnly, hub_id: int) -> TokenAnswer | RefreshTokenOnly:
    """The answer, if it does not name another account: such tokens are never stored, handed out or used.

    Raises:
        Misconfigured: It does.
    """
    if answer.hub_id not in (None, hub_id):
        raise Misconfigured("answer_for_another_account", 200)
    return answer


def _failure(answer: transport.Answer) -> HubSpotError:
    """What an answer other than 2xx means. A client-level status wins over an ``error`` that blames the grant."""
    most = MOST_RETRY_AFTER if answer.status in SAYS_WHEN_HTTP else MOST_RETRY_AFTER_A_FAULT
    retry_after = _retry_after(answer.headers.get("Retry-After", ""), most)
    if answer.status >= 500 or answer.status in TRY_LATER_HTTP or answer.status < 400:  # noqa: PLR2004
        return TryLater(f"http_{answer.status}", answer.status, retry_after)
    try:
        content = _json(answer.body)
    except TryLater:
        content = {}
    status, error = _word(content.get("status")), _word(content.get("error"))
    code = status or error or f"http_{answer.status}"
    if status in OURS_STATUS or error == "invalid_client":
        return Misconfigured(status if status in OURS_STATUS else error, answer.status)
    if status in DEAD_STATUS or error in DEAD_ERROR:
        return GrantDead(code, answer.status)
    return Misconfigured(code, answer.status)


def _word(value: object) -> str:
    """A code as HubSpot writes them; anything else could be text that does not belong into a log.

    Its general ``"status": "error"`` names nothing.
    """
    named = isinstance(value, str) and value.replace("_", "").isalnum() and len(value) <= 64  # noqa: PLR2004
    return value if isinstance(value, str) and named and value != "error" else ""


def _retry_after(value: str, most: int) -> int | None:
    return min(int(value), most) if value.isascii() and value.isdigit() and len(value) < 9 else None  # noqa: PLR2004
