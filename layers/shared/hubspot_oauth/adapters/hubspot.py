"""HubSpot as this product speaks to it: the authorization URL, the token endpoint, introspect, revoke and uninstall.

HubSpot's documentation is the source of every path and parameter here.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import quote, urlencode

import requests

from hubspot_oauth.adapters import transport
from hubspot_oauth.adapters.client_secret import ClientSecret
from hubspot_oauth.adapters.hubspot_answers import (
    account_in,
    failure,
    json_object,
    lacks_of,
    refresh_token_in,
    token_answer_in,
)
from hubspot_oauth.domain.deadlines import HUBSPOT_SECONDS, PREPARE_SECONDS
from hubspot_oauth.domain.errors import Misconfigured, TryLater
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.state import InstallState
from hubspot_oauth.domain.timing import Monotonic
from hubspot_oauth.domain.tokens import RefreshTokenOnly, TokenAnswer


class HubSpot:
    """One HubSpot app. A call whose client secret is refused is made once more if the secret was rotated meanwhile.

    Args:
        settings: Client id, API version, both base URLs and the scopes.
        client_secret: The app's client secret, asked for when it is needed, and for another when it is refused.
        monotonic: Seconds that never go back, for what is left of the time to repeat a call.
    """

    def __init__(self, settings: Settings, client_secret: ClientSecret, monotonic: Monotonic) -> None:
        self._settings = settings
        self._client_secret = client_secret
        self._monotonic = monotonic
        self._pooled = transport.session(settings.refresh_concurrency)  # a connection for each refresh at once

    def authorization_url(self, state: InstallState, signed: str) -> str:
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
        content = json_object(self._post("token", form))
        lacks = lacks_of(content)
        if lacks or refresh_token_in(content) is None:
            raise TryLater(lacks or "no_refresh_token", 200)
        return token_answer_in(content)

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

        content = json_object(self._authenticated(send, client_secret, in_time))
        lacks = lacks_of(content)
        if not lacks:
            return token_answer_in(content)
        rotated = refresh_token_in(content)
        if rotated is None or rotated == refresh_token:
            raise TryLater(lacks, 200)
        return RefreshTokenOnly(rotated, lacks, account_in(content))

    def introspect(self, access_token: str) -> Mapping[str, Any]:
        """What HubSpot knows of an access token: ``hub_id``, ``user``, ``active`` and more.

        Raises:
            HubSpotError: Any of its kinds.
        """
        return json_object(self._post("token/introspect", {"token": access_token, "token_type_hint": "access_token"}))

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
            _called(fresh, "DELETE", url, bearer=access_token)

    def _post(self, path: str, form: Mapping[str, str]) -> bytes:
        def send(client_secret: str) -> bytes:
            with transport.session(1) as fresh:
                return self._send(fresh, path, form, client_secret)

        return self._authenticated(send, self._client_secret())

    def _authenticated(
        self, send: Callable[[str], bytes], client_secret: str, in_time: Callable[[], bool] | None = None
    ) -> bytes:
        """What HubSpot answers to this client secret; if it refuses it and there is another by now, to that one."""
        began = self._monotonic()
        try:
            return send(client_secret)
        except Misconfigured as error:
            other = self._client_secret.other_than(client_secret) if error.client_level else None
            if other is None or not (in_time() if in_time else self._monotonic() - began <= PREPARE_SECONDS):
                raise
            return send(other)

    def _send(self, client: requests.Session, path: str, form: Mapping[str, str], client_secret: str) -> bytes:
        url = f"{self._settings.api_url}/oauth/{self._settings.api_version}/{path}"
        whole = {**form, "client_id": self._settings.client_id, "client_secret": client_secret}
        return _called(client, "POST", url, form=whole)


def _called(client: requests.Session, method: Literal["POST", "DELETE"], url: str, **content: Any) -> bytes:  # noqa: ANN401
    """The body of a 2xx, or what is wrong as a HubSpotError."""
    try:
        answer = transport.call(client, method, url, HUBSPOT_SECONDS, **content)
    except transport.NoAnswer as error:
        raise TryLater(str(error)) from None
    if not 200 <= answer.status < 300:  # noqa: PLR2004 - a proxy's 203 carries the tokens all the same
        raise failure(answer)
    return answer.body
