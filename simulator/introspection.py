"""Introspection and revocation of tokens: both answer 200, also for tokens nobody knows."""

from typing import Any

from simulator.answers import Answer, OAuthError
from simulator.grants import AccessToken, Grant
from simulator.simulator import Simulator
from simulator.token_endpoint import Form, check_secret, known_secret

INACTIVE = Answer(200, {"active": False}, outcome="inactive")


def introspect(simulator: Simulator, form: Form) -> Answer:
    """Who a live token belongs to; `{"active": false}` for any other, another app's included."""
    with simulator.lock:
        try:
            check_secret(known_secret(simulator, form), form)
        except OAuthError as refusal:
            return refusal.answer()
        token, client_id = form.get("token", ""), form["client_id"]
        grant = simulator.grants.find(token)
        if grant is not None and grant.client_id == client_id:
            return Answer(200, _about_refresh_token(simulator, grant), hub_id=grant.hub_id)
        access = simulator.grants.access_token(token)
        if access is not None and access.client_id == client_id and simulator.grants.is_live(access):
            return Answer(200, _about_access_token(simulator, access), hub_id=access.hub_id)
        return INACTIVE


def revoke(simulator: Simulator, form: Form) -> Answer:
    """Kill a refresh token; access tokens live on to their expiry, those given here too (assumed)."""
    with simulator.lock:
        try:
            check_secret(known_secret(simulator, form), form)
        except OAuthError as refusal:
            return refusal.answer()
        grant = simulator.grants.find(form.get("token", ""))
        if grant is None or grant.client_id != form["client_id"]:
            return Answer(200, {}, outcome="unknown_token")
        simulator.grants.end(grant)
        return Answer(200, {}, hub_id=grant.hub_id)


def _about_refresh_token(simulator: Simulator, grant: Grant) -> dict[str, Any]:
    about = {"token_use": "refresh_token", "scopes": list(grant.scopes), "client_id": grant.client_id}
    return about | _about_install(simulator, grant.hub_id, grant.user_id)


def _about_access_token(simulator: Simulator, token: AccessToken) -> dict[str, Any]:
    about = {
        "token_use": "access_token",
        "scopes": list(token.scopes),
        "client_id": token.client_id,
        "expires_in": int(token.expires_at - simulator.clock()),
    }
    return about | _about_install(simulator, token.hub_id, token.user_id)


def _about_install(simulator: Simulator, hub_id: int | None, user_id: int | None) -> dict[str, Any]:
    about: dict[str, Any] = {"active": True, "token_type": "bearer", "app_id": simulator.settings.app_id}
    if hub_id is None or user_id is None:
        return about
    account, user = simulator.account(hub_id), simulator.settings.user(user_id)
    about |= {"hub_id": hub_id, "user_id": user_id}
    return about | {"hub_domain": account.domain if account else None, "user": user.email if user else None}
