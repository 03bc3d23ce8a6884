"""Introspection and revocation. Both answer 200 to an unknown token too."""

from typing import Any

from simulator.answers import Answer, answers_errors
from simulator.grants import AccessToken, Grant
from simulator.portals import Account
from simulator.simulator import Simulator
from simulator.token_endpoint import Form, authenticate

INACTIVE = Answer(200, {"active": False}, outcome="inactive")


@answers_errors
def introspect(simulator: Simulator, form: Form) -> Answer:
    """Describe a live token; any other, including another app's, is `{"active": false}`."""
    with simulator.lock:
        client_id, token = authenticate(simulator, form), form.get("token", "")
        grant = simulator.grants.find(token)
        if grant is not None and grant.client_id == client_id:
            return Answer(200, _about_refresh_token(simulator, grant))
        access = simulator.grants.access_token(token)
        if access is not None and access.client_id == client_id and simulator.grants.is_live(access):
            return Answer(200, _about_access_token(simulator, access))
        return INACTIVE


@answers_errors
def revoke(simulator: Simulator, form: Form) -> Answer:
    """End a refresh token. Access tokens live on to their expiry, even one that is sent here (assumed)."""
    with simulator.lock:
        client_id = authenticate(simulator, form)
        grant = simulator.grants.find(form.get("token", ""))
        if grant is None or grant.client_id != client_id:
            return Answer(200, {}, outcome="unknown_token")
        simulator.grants.end(grant)
        return Answer(200, {})


def _about_refresh_token(simulator: Simulator, grant: Grant) -> dict[str, Any]:
    about = {
        "token": grant.refresh_token,
        "token_use": "refresh_token",
        "scopes": list(grant.scopes),
        "client_id": grant.client_id,
    }
    return about | _about_install(simulator, grant.hub_id, grant.user_id)


def _about_access_token(simulator: Simulator, token: AccessToken) -> dict[str, Any]:
    about = {
        "token": token.value,
        "token_use": "access_token",
        "scopes": list(token.scopes),
        "client_id": token.client_id,
        "expires_in": int(token.expires_at - simulator.clock()),
        "is_private_distribution": simulator.settings.private_distribution,
    }
    if token.hub_id is not None:  # assumed: HubSpot describes no signed token without an account
        about["signed_access_token"] = _signed(simulator, token, simulator.account(token.hub_id))
    return about | _about_install(simulator, token.hub_id, token.user_id)


def _signed(simulator: Simulator, token: AccessToken, account: Account | None) -> dict[str, Any]:
    """The members that HubSpot documents. Nothing verifies the signatures, so they are placeholders."""
    return {
        "expiresAt": int(token.expires_at * 1000),
        "scopes": " ".join(token.scopes),
        "hubId": token.hub_id,
        "userId": token.user_id,
        "appId": simulator.settings.app_id,
        "signature": "simulated",
        "scopeToScopeGroupPks": "",
        "newSignature": "simulated",
        "hublet": account.hublet if account else None,
        "trialScopes": "",
        "trialScopeToScopeGroupPks": "",
        "isUserLevel": False,
        "installingUserId": token.user_id,
        "isServiceAccount": False,
        "isPrivateDistribution": simulator.settings.private_distribution,
        "appInstallId": f"{token.client_id}:{token.hub_id}",
        "audience": "",
    }


def _about_install(simulator: Simulator, hub_id: int | None, user_id: int | None) -> dict[str, Any]:
    about: dict[str, Any] = {"active": True, "token_type": "Bearer", "app_id": simulator.settings.app_id}
    if hub_id is None or user_id is None:
        return about
    account, user = simulator.account(hub_id), simulator.settings.user(user_id)
    about |= {"hub_id": hub_id, "user_id": user_id}
    return about | {"hub_domain": account.domain if account else None, "user": user.email if user else None}
