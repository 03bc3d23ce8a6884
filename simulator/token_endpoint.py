"""POST /oauth/{version}/token: its three grant types, and the order of its errors."""

from collections.abc import Callable, Mapping
from typing import Any

from simulator.answers import Answer, OAuthError, answers_errors
from simulator.grants import AccessToken, Grant
from simulator.simulator import Simulator

Form = Mapping[str, str]
Exchange = Callable[[Simulator, Form], Answer]
# The scopes of HubSpot's webhooks journal, the only ones that client_credentials may ask for.
WEBHOOKS_JOURNAL_SCOPES = frozenset(
    {
        "developer.webhooks_journal.read",
        "developer.webhooks_journal.subscriptions.read",
        "developer.webhooks_journal.subscriptions.write",
    }
)


@answers_errors
def exchange(simulator: Simulator, form: Form) -> Answer:
    """Check the client id, then the grant type, the secret and the grant.

    HubSpot is known to check the client id first; the order of the others is assumed.
    """
    with simulator.lock:
        _secret_of_app(simulator, form)
        work = _EXCHANGES.get(form.get("grant_type", ""))
        if work is None:
            raise OAuthError("BAD_GRANT_TYPE")
        authenticate(simulator, form)
        return work(simulator, form)


def authenticate(simulator: Simulator, form: Form) -> str:
    """Check the app's credentials and return its client id."""
    if form.get("client_secret") != _secret_of_app(simulator, form):
        raise OAuthError("BAD_CLIENT_SECRET")
    return form["client_id"]


def _secret_of_app(simulator: Simulator, form: Form) -> str:
    secret = simulator.settings.secret_of(form.get("client_id", ""))
    if secret is None:
        raise OAuthError("BAD_CLIENT_ID")
    return secret


def token_response(simulator: Simulator, token: AccessToken, grant: Grant | None) -> dict[str, Any]:
    """The documented fields. Without a grant there is no refresh token and no account."""
    body: dict[str, Any] = {
        "access_token": token.value,
        "expires_in": simulator.settings.token_lifetime,
        "token_type": "bearer",
        "token_use": "access_token" if grant else "client_credentials",
        "scopes": list(token.scopes),
    }
    if grant is not None:
        body |= {"refresh_token": grant.refresh_token, "hub_id": grant.hub_id, "user_id": grant.user_id}
    return body


def _redeem_code(simulator: Simulator, form: Form) -> Answer:
    value, redirect_uri = form.get("code", ""), form.get("redirect_uri", "")
    if redirect_uri not in simulator.settings.redirect_urls and simulator.codes.find(value) is not None:
        raise OAuthError("BAD_REDIRECT_URI")
    code = simulator.codes.redeem(value, form["client_id"], redirect_uri, form.get("code_verifier", ""))
    return _tokens(simulator, simulator.install(code))


def _refresh(simulator: Simulator, form: Form) -> Answer:
    grant = simulator.grants.find(form.get("refresh_token", ""))
    if grant is None or grant.client_id != form["client_id"]:
        raise OAuthError("BAD_REFRESH_TOKEN")
    if simulator.settings.rotate_refresh_tokens:
        simulator.renew_refresh_token(grant)
    return _tokens(simulator, grant)


def _tokens(simulator: Simulator, grant: Grant) -> Answer:
    token = simulator.access_token(grant.client_id, grant.scopes, grant)
    return Answer(200, token_response(simulator, token, grant))


def _client_credentials(simulator: Simulator, form: Form) -> Answer:
    scopes = tuple(form.get("scope", "").split())
    if not scopes or not WEBHOOKS_JOURNAL_SCOPES.issuperset(scopes):
        raise OAuthError("BAD_SCOPES")
    return Answer(200, token_response(simulator, simulator.access_token(form["client_id"], scopes), None))


_EXCHANGES: dict[str, Exchange] = {
    "authorization_code": _redeem_code,
    "refresh_token": _refresh,
    "client_credentials": _client_credentials,
}
