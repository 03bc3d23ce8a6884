"""Refresh, introspection and data access with a live grant. These checks leave it alive."""

from simulator.verification.client import HubSpot
from simulator.verification.facts import fact
from simulator.verification.findings import Finding, NotTested, confirmed_if, contradicted

OK = 200


@fact("token-response", "D", "A refresh answers access_token, expires_in, token_type bearer, hub_id and scopes.")
def token_response(hubspot: HubSpot) -> Finding:
    """The product reads all of them except token_type."""
    reply = hubspot.refresh()
    if reply.status != OK:
        return contradicted(reply.seen())
    kinds = {"access_token": str, "expires_in": int, "token_type": str, "hub_id": int, "scopes": list}
    wrong = [name for name, kind in kinds.items() if not isinstance(reply.body.get(name), kind)]
    return confirmed_if(not wrong, f"missing or of another type: {', '.join(wrong)}")


@fact("refresh-token-unchanged", "O", "The refresh token comes back unchanged from a refresh.")
def refresh_token_unchanged(hubspot: HubSpot) -> Finding:
    """The product does not rely on this, because it stores the refresh token of every answer."""
    before = hubspot.needed_refresh_token()
    returned = hubspot.refresh().text("refresh_token")
    return confirmed_if(returned == before, "another one came back" if returned else "none came back")


@fact("token-works", "D", "A fresh access token opens the account details, of the account that hub_id names.")
def token_works(hubspot: HubSpot) -> Finding:
    hub_id = hubspot.refresh().body.get("hub_id")
    if hubspot.access_token is None:
        raise NotTested("no access token to try with")
    details = hubspot.details(hubspot.access_token)
    same = details.status == OK and details.body.get("portalId") == hub_id
    return confirmed_if(same, f"{details.seen()}, portalId and hub_id differ or are missing")


INTROSPECTED = (
    *("active", "hub_id", "user", "user_id", "app_id", "hub_domain", "token", "token_type"),
    *("expires_in", "is_private_distribution", "signed_access_token"),
)


@fact("introspection", "D", f"Introspection of an access token tells {', '.join(INTROSPECTED)}.")
def introspection(hubspot: HubSpot) -> Finding:
    """The product asks at each install, for hub_domain and for what the token answer lacks."""
    form = {"token": hubspot.live_access_token(), "token_type_hint": "access_token"}
    reply = hubspot.post("token/introspect", form)
    missing = set(INTROSPECTED) - reply.body.keys()
    return confirmed_if(reply.status == OK and not missing, f"{reply.seen()}, missing: {', '.join(sorted(missing))}")


@fact("other-client", "D", "A refresh token sent with another app's credentials gets BAD_REFRESH_TOKEN.")
def other_client(hubspot: HubSpot) -> Finding:
    """With another app's client id every account's refresh fails like this, though no account uninstalled the app."""
    if hubspot.other_app is None:
        raise NotTested("needs a second app's credentials")
    client_id, client_secret = hubspot.other_app
    form = {"grant_type": "refresh_token", "refresh_token": hubspot.needed_refresh_token()}
    reply = hubspot.post("token", form | {"client_id": client_id, "client_secret": client_secret})
    return reply.refuses("BAD_REFRESH_TOKEN", "invalid_grant")


@fact("expired-access-token", "D", "An expired access token gets 401 with category EXPIRED_AUTHENTICATION.")
def expired_access_token(hubspot: HubSpot) -> Finding:
    reply = hubspot.refresh()
    token, lifetime = reply.text("access_token"), reply.body.get("expires_in")
    if not token or not isinstance(lifetime, int):
        raise NotTested(f"no access token to try with: {reply.seen()}")
    hubspot.let_pass(lifetime + 1, "a whole token lifetime")
    refused = hubspot.details(token)
    return confirmed_if((refused.status, refused.text("category")) == (401, "EXPIRED_AUTHENTICATION"), refused.seen())


@fact(
    "scopes-changed", "A", "A refresh after the app's or the account's scopes changed gets BAD_SCOPES, invalid_scope."
)
def scopes_changed(_: HubSpot) -> Finding:
    raise NotTested("needs the app's declaration to change between two calls")


@fact("token-endpoint-limit", "A", "The token endpoint has no limit that eight refreshes at a time would meet.")
def token_endpoint_limit(_: HubSpot) -> Finding:
    """HubSpot publishes no limit, so the product's concurrency is a parameter."""
    raise NotTested("would mean loading HubSpot on purpose")
