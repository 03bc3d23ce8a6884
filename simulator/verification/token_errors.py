"""The errors of the token endpoint and its neighbours. These checks need no grant."""

from simulator.verification.client import HubSpot
from simulator.verification.facts import fact
from simulator.verification.findings import CONFIRMED, Finding, confirmed_if, contradicted

VERSIONS = ("v3", "2026-03", "2026-09")
NO_TOKEN = "na1-00000000-0000-0000-0000-000000000000"  # noqa: S105 - no real token
NO_CLIENT = {"client_id": "00000000-0000-0000-0000-000000000000"}
REFRESH = {"grant_type": "refresh_token", "refresh_token": NO_TOKEN}


@fact("json-is-refused", "O", "A JSON body at the token endpoint gets HTTP 415.")
def json_is_refused(hubspot: HubSpot) -> Finding:
    return hubspot.post_json("token", REFRESH).answers(415)


@fact("unknown-refresh-token", "D", "An unknown refresh token gets BAD_REFRESH_TOKEN, invalid_grant.")
def unknown_refresh_token(hubspot: HubSpot) -> Finding:
    return hubspot.post("token", REFRESH).refuses("BAD_REFRESH_TOKEN", "invalid_grant")


@fact("error-body", "D", "An error body has error, error_description, status, message, category and correlationId.")
def error_body(hubspot: HubSpot) -> Finding:
    reply = hubspot.post("token", REFRESH)
    missing = {"error", "error_description", "status", "message", "category", "correlationId"} - reply.body.keys()
    return confirmed_if(not missing, f"missing: {', '.join(sorted(missing))}")


@fact("unknown-code", "D", "An unknown code gets BAD_AUTH_CODE, invalid_grant.")
def unknown_code(hubspot: HubSpot) -> Finding:
    """A code from long ago gets the same."""
    return hubspot.exchange(NO_TOKEN).refuses("BAD_AUTH_CODE", "invalid_grant")


@fact("unknown-client", "D", "An unknown client id gets BAD_CLIENT_ID, invalid_request.")
def unknown_client(hubspot: HubSpot) -> Finding:
    """The operator's mistake, so no account may be marked dead for it."""
    return hubspot.post("token", REFRESH | NO_CLIENT).refuses("BAD_CLIENT_ID", "invalid_request")


@fact("client-first", "O", "The client id is checked first: with a wrong grant type too the answer is BAD_CLIENT_ID.")
def client_first(hubspot: HubSpot) -> Finding:
    return hubspot.post("token", NO_CLIENT | {"grant_type": "none"}).refuses("BAD_CLIENT_ID", "invalid_request")


@fact("wrong-secret", "A", "A wrong client secret gets BAD_CLIENT_SECRET, invalid_client.")
def wrong_secret(hubspot: HubSpot) -> Finding:
    """Either of these names opens the product's breaker."""
    reply = hubspot.post("token", REFRESH | {"client_secret": "00000000-0000-0000-0000-000000000000"})
    return reply.refuses("BAD_CLIENT_SECRET", "invalid_client")


@fact("wrong-grant-type", "A", "An unknown grant type gets BAD_GRANT_TYPE, unsupported_grant_type.")
def wrong_grant_type(hubspot: HubSpot) -> Finding:
    return hubspot.post("token", {"grant_type": "none"}).refuses("BAD_GRANT_TYPE", "unsupported_grant_type")


@fact("versions-alike", "D", "v3, 2026-03 and 2026-09 answer an unknown refresh token alike.")
def versions_alike(hubspot: HubSpot) -> Finding:
    for version in VERSIONS:
        finding = hubspot.post("token", REFRESH, version).refuses("BAD_REFRESH_TOKEN", "invalid_grant")
        if finding is not CONFIRMED:
            return contradicted(f"{version}: {finding.reason}")
    return CONFIRMED


@fact("introspect-unknown", "O", 'Introspecting an unknown token gets HTTP 200 {"active": false}.')
def introspect_unknown(hubspot: HubSpot) -> Finding:
    reply = hubspot.post("token/introspect", {"token": NO_TOKEN, "token_type_hint": "refresh_token"})
    return confirmed_if((reply.status, reply.body.get("active")) == (200, False), reply.seen())


@fact("revoke-unknown", "O", "Revoking an unknown token gets HTTP 200.")
def revoke_unknown(hubspot: HubSpot) -> Finding:
    """So revoking twice does no harm."""
    return hubspot.post("token/revoke", {"token": NO_TOKEN, "token_type_hint": "refresh_token"}).answers(200)


@fact("bearer-unknown", "D", "The data API refuses a token it does not know with HTTP 401.")
def bearer_unknown(hubspot: HubSpot) -> Finding:
    return hubspot.details(NO_TOKEN).answers(401)


@fact(
    "client-credentials",
    "D",
    "client_credentials with the webhooks journal's scope gives a token for that use, and no refresh token.",
)
def client_credentials(hubspot: HubSpot) -> Finding:
    scope = "developer.webhooks_journal.read"
    reply = hubspot.post("token", {"grant_type": "client_credentials", "scope": scope})
    holds = reply.status == 200 and bool(reply.text("access_token")) and "refresh_token" not in reply.body  # noqa: PLR2004
    return confirmed_if(holds and reply.text("token_use") == "client_credentials", reply.seen())
