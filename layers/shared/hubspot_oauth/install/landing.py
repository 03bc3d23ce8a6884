"""Where a browser ends up: the outcomes of ``/install`` and of the redirect URL, and the landing of one attempt."""

from dataclasses import dataclass, field

from hubspot_oauth.domain import refusals
from hubspot_oauth.domain.errors import InstallRefused
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.urls import add_query
from hubspot_oauth.install.arrivals import Arrival
from hubspot_oauth.install.attempt import INSTALLED, Attempt
from hubspot_oauth.install.cookies import Cookie


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send the browser to ``url``, which may carry a state and is therefore not shown, and set the cookie."""

    url: str = field(repr=False)
    cookie: Cookie | None = None


@dataclass(frozen=True, slots=True)
class InstalledPage:
    """The install is done and the browser has nowhere else to go."""

    hub_id: int | None


@dataclass(frozen=True, slots=True)
class PendingPage:
    """Another request of this browser is finishing the same install; the page offers a link that looks again."""


@dataclass(frozen=True, slots=True)
class StartPage:
    """The browser brought nothing: the page says where an install starts."""

    install_url: str


Landing = Redirect | InstalledPage | PendingPage | StartPage


def landing_of(attempt: Attempt, arrival: Arrival, settings: Settings, now: float) -> Landing:
    """Where this attempt ends: the same place for each request of its browser.

    Raises:
        InstallRefused: The attempt was refused, or its function died.
    """
    if attempt.interrupted(now):
        raise InstallRefused(refusals.INTERRUPTED)
    if attempt.outcome is None:
        return PendingPage()
    if attempt.outcome != INSTALLED:
        refusal = refusals.BY_CODE.get(attempt.outcome, refusals.INTERRUPTED)
        raise InstallRefused(refusal, missing_scopes=attempt.missing_scopes)
    if attempt.return_to:
        told = {"hub_id": str(attempt.hub_id)} | ({"state": attempt.caller_state} if attempt.caller_state else {})
        return Redirect(add_query(attempt.return_to, told))
    if arrival.return_url and settings.may_go_back_to(arrival.return_url, arrival.host):
        return Redirect(arrival.return_url)
    return InstalledPage(attempt.hub_id)
