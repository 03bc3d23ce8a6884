"""Revocation, uninstall and the second user. These checks end the grant, so they run last and only if allowed."""

from simulator.verification.client import HubSpot
from simulator.verification.facts import fact
from simulator.verification.findings import Finding, NotTested, Reply, confirmed_if, contradicted

OK = 200
UNINSTALLED = 204


@fact("second-user", "A", "A re-install by another user leaves the first user's refresh token alive.")
def second_user(hubspot: HubSpot) -> Finding:
    """The product does not rely on this, because it keeps the latest grant."""
    _may_end(hubspot)
    if hubspot.second_person is None:
        raise NotTested("needs a second user of the same account")
    first, hubspot.person = hubspot.person, hubspot.second_person
    try:
        other = hubspot.exchange(hubspot.new_code())
    finally:
        hubspot.person = first
    if other.text("refresh_token") in {"", hubspot.refresh_token}:
        return contradicted(f"{other.seen()}, no new refresh token for the second user")
    return hubspot.refresh().answers(OK)


@fact("revoked-inactive", "O", 'Introspecting a revoked refresh token gets HTTP 200 {"active": false}.')
def revoked_inactive(hubspot: HubSpot) -> Finding:
    reply = _ended(hubspot)["introspect"]
    return confirmed_if((reply.status, reply.body.get("active")) == (OK, False), reply.seen())


@fact("revoked-refresh", "D", "Refreshing with a revoked refresh token gets BAD_REFRESH_TOKEN, invalid_grant.")
def revoked_refresh(hubspot: HubSpot) -> Finding:
    return _ended(hubspot)["refresh"].refuses("BAD_REFRESH_TOKEN", "invalid_grant")


@fact("revoke-spares-access", "O", "Revoking kills the refresh token only: an access token issued before still works.")
def revoke_spares_access(hubspot: HubSpot) -> Finding:
    return _ended(hubspot)["details"].answers(OK)


@fact("uninstall", "D", "DELETE external-install with an account's token answers 204.")
def uninstall(hubspot: HubSpot) -> Finding:
    """HubSpot e-mails the account's admins about it."""
    return _ended(hubspot)["uninstall"].answers(UNINSTALLED)


@fact("uninstall-ends-access", "A", "After the uninstall the access token no longer opens the account's data.")
def uninstall_ends_access(hubspot: HubSpot) -> Finding:
    """The product does not rely on it."""
    return _ended(hubspot)["details after uninstall"].answers(401)


def _may_end(hubspot: HubSpot) -> None:
    if not hubspot.may_end_grant:
        raise NotTested("would end the grant")


def _ended(hubspot: HubSpot) -> dict[str, Reply]:
    """Revoke and uninstall at the first check that needs it; return HubSpot's reply to each step."""
    _may_end(hubspot)
    if not hubspot.ending:
        access_token = hubspot.live_access_token()
        revoked = {"token": hubspot.needed_refresh_token(), "token_type_hint": "refresh_token"}
        hubspot.ending = {
            "revoke": hubspot.post("token/revoke", revoked),
            "introspect": hubspot.post("token/introspect", revoked),
            "refresh": hubspot.refresh(),
            "details": hubspot.details(access_token),
            "uninstall": hubspot.uninstall(access_token),
            "details after uninstall": hubspot.details(access_token),
        }
        hubspot.refresh_token = hubspot.access_token = None
    return hubspot.ending
