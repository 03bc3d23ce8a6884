"""The consent page and its codes. Each check needs a person who allows or cancels."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from secrets import token_urlsafe

from simulator.verification.client import HubSpot
from simulator.verification.facts import fact
from simulator.verification.findings import CONFIRMED, Finding, NotTested, confirmed_if

CODE_LIFETIME = 600


@fact("code-single-use", "D", "A code that was redeemed gets BAD_AUTH_CODE the second time.")
def code_single_use(hubspot: HubSpot) -> Finding:
    """The product does not rely on this: it records a code as spent before it sends it."""
    if hubspot.used_code is None:
        hubspot.used_code = hubspot.new_code()
        hubspot.exchange(hubspot.used_code)
    return hubspot.exchange(hubspot.used_code).refuses("BAD_AUTH_CODE", "invalid_grant")


@fact("state-verbatim", "D", "The state comes back to the redirect URL as it was sent.")
def state_verbatim(hubspot: HubSpot) -> Finding:
    state, arrived = hubspot.ask("Choose your test account and allow the install")
    return confirmed_if(arrived.get("state") == state, "another state, or none")


@fact("redirect-mismatch", "D", "A code redeemed with another redirect_uri gets MISMATCH_REDIRECT_URI_AUTH_CODE.")
def redirect_mismatch(hubspot: HubSpot) -> Finding:
    """BAD_REDIRECT_URI confirms it too: the other redirect_uri is not registered."""
    reply = hubspot.exchange(hubspot.new_code(), redirect_uri=f"{hubspot.redirect_uri}/other")
    known = {("MISMATCH_REDIRECT_URI_AUTH_CODE", "invalid_grant"), ("BAD_REDIRECT_URI", "invalid_request")}
    return confirmed_if((reply.text("status"), reply.text("error")) in known, reply.seen())


@fact("code-lifetime", "A", "A code is dead after ten minutes at most.")
def code_lifetime(hubspot: HubSpot) -> Finding:
    """HubSpot does not publish the lifetime."""
    if hubspot.wait is None:
        raise NotTested("takes ten minutes")
    code = hubspot.new_code()
    hubspot.let_pass(CODE_LIFETIME + 1, "ten minutes")
    reply = hubspot.exchange(code)
    return confirmed_if(reply.text("status") in {"EXPIRED_AUTH_CODE", "BAD_AUTH_CODE"}, reply.seen())


@fact(
    "code-verifier",
    "A",
    "A code asked for with a PKCE challenge needs its verifier; a wrong one gets BAD_CODE_VERIFIER.",
)
def code_verifier(hubspot: HubSpot) -> Finding:
    """HubSpot documents no PKCE parameters for the consent page of ordinary apps."""
    challenge = urlsafe_b64encode(sha256(token_urlsafe(48).encode()).digest()).decode().rstrip("=")
    code = hubspot.new_code(code_challenge=challenge, code_challenge_method="S256")
    return hubspot.exchange(code, code_verifier=token_urlsafe(48)).refuses("BAD_CODE_VERIFIER", "invalid_grant")


@fact("oauth-not-declared", "A", "An app that does not declare the scope oauth is installed without asking for it.")
def oauth_not_declared(hubspot: HubSpot) -> Finding:
    """HubSpot's guide has such an app; its templates declare the scope."""
    if "oauth" in hubspot.scopes:
        raise NotTested("the app declares it")
    hubspot.new_code()
    return CONFIRMED


@fact("oauth-not-added", "A", "An app that does not declare the scope oauth is refused when its link asks for it.")
def oauth_not_added(hubspot: HubSpot) -> Finding:
    """HubSpot refuses on its own page, and no browser comes back; a code that arrives contradicts the fact."""
    if "oauth" in hubspot.scopes:
        raise NotTested("the app declares it")
    _, arrived = hubspot.ask("Allow the install, if HubSpot offers it", scope=" ".join(("oauth", *hubspot.scopes)))
    return confirmed_if("code" not in arrived, "a code came back")


@fact("cancel", "A", "Cancelling comes back with error=access_denied.")
def cancel(hubspot: HubSpot) -> Finding:
    """HubSpot does not publish the error codes of its redirect."""
    _, arrived = hubspot.ask("Choose your test account and CANCEL the install")
    if "code" in arrived:
        raise NotTested("the install was allowed")
    return confirmed_if(arrived.get("error") == "access_denied", "another error, or none")
