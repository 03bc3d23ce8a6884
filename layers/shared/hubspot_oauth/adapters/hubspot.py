"""Calls HubSpot: the authorization URL, the token endpoint, introspection, revocation and the uninstall.

Every path and parameter is from HubSpot's documentation.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import quote, urlencode

import requests

from hubspot_oauth.adapters import http_calls
from hubspot_oauth.adapters.client_secret import ClientSecret, Secret
from hubspot_oauth.adapters.hubspot_answers import NO_ACCESS_TOKEN, failure, json_object, tokens_in
from hubspot_oauth.domain.call_timeouts import HUBSPOT_SECONDS, PREPARE_SECONDS
from hubspot_oauth.domain.clocks import Monotonic
from hubspot_oauth.domain.errors import AnswerForAnotherAccount, HubSpotError, Misconfigured, TryLater
from hubspot_oauth.domain.install_state import InstallState
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.tokens import RefreshTokenOnly, TokenAnswer

TokenKind = Literal["access_token", "refresh_token"]


class HubSpot:
    """The client of one HubSpot app. If HubSpot refuses a client secret that was rotated, the call is repeated once.

    Args:
        settings: Client id, API version, both base URLs and the scopes.
        client_secret: Gives the app's client secret, and the new one after a rotation.
        monotonic: Seconds that never go back; they decide whether a call may still be repeated.
    """

    def __init__(self, settings: Settings, client_secret: ClientSecret, monotonic: Monotonic) -> None:
        self._settings = settings
        self._client_secret = client_secret
        self._monotonic = monotonic
        self._pooled = http_calls.session(settings.refresh_concurrency)  # one connection for each concurrent refresh

    def authorization_url(self, state: InstallState, signed: str) -> str:
        """The page of HubSpot that asks the user for consent. Scopes are separated by %20, as HubSpot documents."""
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

    def exchange(self, code: str, redirect_uri: str) -> TokenAnswer | RefreshTokenOnly:
        """Exchange an authorization code, on a fresh connection.

        The code is sent a second time only if HubSpot refused the client secret. We assume that such a refusal does not
        spend the code.

        Raises:
            HubSpotError: Any subclass. HubSpot may have spent the code even so.
            NotConfigured: The client secret has no value yet.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        answer = tokens_in(json_object(self._post("token", form)))
        if answer.refresh_token is None:
            raise TryLater("no_refresh_token", 200)
        return answer

    def refresh(
        self, refresh_token: str, client_secret: Secret, hub_id: int, in_time: Callable[[], bool] | None = None
    ) -> TokenAnswer | RefreshTokenOnly:
        """Refresh a grant, over pooled connections. A new refresh token in the answer replaces this one.

        Args:
            refresh_token: The grant's refresh token.
            client_secret: Read by the caller beforehand, so that a failing Secrets Manager cannot stop the call.
            hub_id: The account whose tokens these are.
            in_time: Whether a second call, with a rotated secret, still fits. By default it must start within
                ``PREPARE_SECONDS`` of the first.

        Raises:
            HubSpotError: Any subclass; ``AnswerForAnotherAccount`` if the answer names another account than ``hub_id``.
                If HubSpot refused the call, ``secret_version`` says which client secret was sent.
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}

        def send(secret: Secret) -> bytes:
            return self._send(self._pooled, "token", form, secret)

        body, sent = self._authenticated(send, client_secret, in_time)
        answer = tokens_in(json_object(body), sent.version)
        if isinstance(answer, RefreshTokenOnly) and answer.refresh_token == refresh_token:
            raise TryLater(NO_ACCESS_TOKEN, 200)
        if answer.hub_id not in (None, hub_id):
            raise AnswerForAnotherAccount
        return answer

    def introspect(self, token: str, kind: TokenKind, seconds: float = HUBSPOT_SECONDS) -> Mapping[str, Any]:
        """What HubSpot knows about a token of this kind: ``hub_id``, ``hub_domain``, ``active`` and more.

        Raises:
            HubSpotError: Any subclass; ``TryLater`` if it does not answer within ``seconds``.
        """
        return json_object(self._post("token/introspect", {"token": token, "token_type_hint": kind}, seconds))

    def revoke(self, refresh_token: str) -> None:
        """End a grant. Access tokens already issued stay valid until they expire.

        Raises:
            HubSpotError: Any subclass.
        """
        self._post("token/revoke", {"token": refresh_token, "token_type_hint": "refresh_token"})

    def uninstall(self, access_token: str) -> None:
        """Uninstall the app from the access token's account. HubSpot e-mails the account's admins.

        Raises:
            HubSpotError: Any subclass.
        """
        url = f"{self._settings.api_url}/appinstalls/{self._settings.api_version}/external-install"
        with http_calls.session(1) as fresh:
            _called(fresh, "DELETE", url, HUBSPOT_SECONDS, bearer=access_token)

    def _post(self, path: str, form: Mapping[str, str], seconds: float = HUBSPOT_SECONDS) -> bytes:
        def send(client_secret: Secret) -> bytes:
            with http_calls.session(1) as fresh:
                return self._send(fresh, path, form, client_secret, seconds)

        body, _ = self._authenticated(send, self._client_secret())
        return body

    def _authenticated(
        self, send: Callable[[Secret], bytes], client_secret: Secret, in_time: Callable[[], bool] | None = None
    ) -> tuple[bytes, Secret]:
        """Send with this client secret; if HubSpot refuses it and it was rotated, send once more with the new one.

        Returns the answer's body and the secret that HubSpot took.
        """
        began = self._monotonic()
        try:
            return send(client_secret), client_secret
        except Misconfigured as error:
            other = self._client_secret.other_than(client_secret) if error.client_level else None
            if other is None or not (in_time() if in_time else self._monotonic() - began <= PREPARE_SECONDS):
                raise
            return send(other), other

    def _send(
        self,
        client: requests.Session,
        path: str,
        form: Mapping[str, str],
        client_secret: Secret,
        seconds: float = HUBSPOT_SECONDS,
    ) -> bytes:
        url = f"{self._settings.api_url}/oauth/{self._settings.api_version}/{path}"
        whole = {**form, "client_id": self._settings.client_id, "client_secret": client_secret.value}
        try:
            return _called(client, "POST", url, seconds, form=whole)
        except HubSpotError as error:
            error.secret_version = client_secret.version
            raise


def _called(
    client: requests.Session,
    method: Literal["POST", "DELETE"],
    url: str,
    seconds: float,
    **content: Any,  # noqa: ANN401
) -> bytes:
    """The body of a 2xx answer. Any other answer, or none, is raised as a HubSpotError."""
    try:
        answer = http_calls.call(client, method, url, seconds, **content)
    except http_calls.NoAnswer as error:
        raise TryLater(str(error)) from None
    if not 200 <= answer.status < 300:  # noqa: PLR2004 - a proxy's 203 carries the tokens all the same
        raise failure(answer)
    return answer.body
