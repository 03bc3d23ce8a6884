"""POST /oauth/{version}/token: three grant types, and the order in which a request is refused."""

from collections.abc import Callable, Mapping
from typing import Any

from simulator.answers import Answer, OAuthError
from simulator.grants import AccessToken, Grant
from simulator.simulator import Simulator

JOURNAL_SCOPES = frozenset(
    {
        "developer.webhooks_journal.read",
        "developer.webhooks_journal.subscriptions.read",
        "developer.webhooks_journal.subscriptions.write",
    }
)
Form = Mapping[str, str]


def exchange(simulator: Simulator, form: Form) -> Answer:
    """The client id is checked first, then the grant type, the secret (their order is assumed) and the grant."""
    with simulator.lock:
        try:
            secret = known_secret(simulator, form)
            grant = _GRANTS.get(form.get("grant_type", ""), _unsupported)
            if grant is not _unsupported:
                check_secret(secret, form)
            return grant(simulator, form)
        except OAuthError as refusal:
            return refusal.answer()


def known_secret(simulator: Simulator, form: Form) -> str:
    """The secret of the app that calls; an unknown client id is refused before anything else."""
    secret = simulator.settings.secret_of(form.get("client_id", ""))
    if secret is None:
        raise OAuthError("BAD_CLIENT_ID")
    return secret


def check_secret(secret: str, form: Form) -> None:
    """Refuse a caller that does not hold the app's secret."""
    if form.get("client_secret") != secret:
        raise OAuthError("BAD_CLIENT_SECRET")


def token_response(simulator: Simulator, token: AccessToken, grant: Grant | None) -> dict[str, Any]:
    """The documented fields; those of an account only where there is one."""
    body: dict[str, Any] = {
        "access_token": token.value,
        "expires_in": simulator.settings.token_lifetime,
        "token_type": "bearer",
        "token_use": "access_token",
        "scopes": list(token.scopes),
    }
    if grant is not None:
        body |= {"refresh_token": grant.refresh_token, "hub_id": grant.hub_id, "user_id": grant.user_id}
    return body


def _unsupported(_: Simulator, __: Form) -> Answer:
    raise OAuthError("BAD_GRANT_TYPE")


def _redeem_code(simulator: Simulator, form: Form) -> Answer:
    redirect_uri = form.get("redirect_uri", "")
    code = simulator.codes.find(form.get("code", ""))
    if redirect_uri not in simulator.settings.redirect_urls and code is not None:
        raise OAuthError("BAD_REDIRECT_URI", code.hub_id)
    verifier = form.get("code_verifier", "")
    redeemed = simulator.codes.redeem(form.get("code", ""), form["client_id"], redirect_uri, verifier)
    grant = simulator.install(redeemed)
    return _issued(simulator, grant)


def _refresh(simulator: Simulator, form: Form) -> Answer:
    refresh_token = form.get("refresh_token", "")
    grant = simulator.grants.find(refresh_token)
    if grant is None or grant.client_id != form["client_id"]:
        raise OAuthError("BAD_REFRESH_TOKEN", simulator.grants.hub_of(refresh_token))
    if simulator.settings.rotate_refresh_tokens:
        simulator.renew_refresh_token(grant)
    return _issued(simulator, grant)


def _issued(simulator: Simulator, grant: Grant) -> Answer:
    token = simulator.access_token(grant.client_id, grant.scopes, grant)
    return Answer(200, token_response(simulator, token, grant), hub_id=grant.hub_id)


def _client_credentials(simulator: Simulator, form: Form) -> Answer:
    scopes = tuple(form.get("scope", "").split())
    if not scopes or not JOURNAL_SCOPES.issuperset(scopes):
        raise OAuthError("BAD_SCOPES")
    return Answer(200, token_response(simulator, simulator.access_token(form["client_id"], scopes), None))


_GRANTS: dict[str, Callable[[Simulator, Form], Answer]] = {
    "authorization_code": _redeem_code,
    "refresh_token": _refresh,
    "client_credentials": _client_credentials,
}
