"""The redirects and pages that end a request to ``/install`` or to the redirect URL."""

from dataclasses import dataclass, field

from hubspot_oauth.domain.urls import add_query
from hubspot_oauth.install import refusal_texts
from hubspot_oauth.install.allowed_destinations import AllowedDestinations
from hubspot_oauth.install.attempt import INSTALLED, Attempt
from hubspot_oauth.install.cookies import Cookie
from hubspot_oauth.install.parsed_queries import Arrival
from hubspot_oauth.install.refusal import InstallRefused


@dataclass(frozen=True, slots=True)
class Redirect:
    """Redirect to ``url``. ``repr`` hides ``url`` because it may carry a state."""

    url: str = field(repr=False)
    cookies: tuple[Cookie, ...] = ()


@dataclass(frozen=True, slots=True)
class InstalledPage:
    """The page after success, for an install with no URL to return to."""

    hub_id: int | None
    hub_domain: str | None = None
    cookies: tuple[Cookie, ...] = ()


@dataclass(frozen=True, slots=True)
class PendingPage:
    """The page with a link to check again, while another request finishes the install.

    A prefetch gets it too, so that a person who is then shown it can go on.
    """


@dataclass(frozen=True, slots=True)
class StartPage:
    """The page that links to the start of an install, for a request that continues none, and for link previews."""

    install_url: str


Landing = Redirect | InstalledPage | PendingPage | StartPage


def landing_of(attempt: Attempt, arrival: Arrival, destinations: AllowedDestinations, now: float) -> Landing:
    """The landing that the attempt's recorded outcome leads to. A reload of the page leads to the same one.

    Raises:
        InstallRefused: The attempt was refused, or the callback function died.
    """
    if attempt.interrupted(now):
        raise InstallRefused(refusal_texts.INTERRUPTED)
    if attempt.outcome is None:
        return PendingPage()
    if attempt.outcome != INSTALLED:
        refusal = refusal_texts.BY_CODE.get(attempt.outcome, refusal_texts.INTERRUPTED)
        raise InstallRefused(
            refusal,
            missing_scopes=attempt.missing_scopes,
            hub_id=attempt.hub_id,
            wanted_hub_id=attempt.wanted_hub_id,
        )
    if attempt.return_to:
        told = {"hub_id": str(attempt.hub_id), "state": attempt.caller_state}
        return Redirect(
            add_query(attempt.return_to, {name: value for name, value in told.items() if value is not None})
        )
    if arrival.return_url and destinations.allows_hubspot_page(arrival.return_url, arrival.host):
        return Redirect(arrival.return_url)
    return InstalledPage(attempt.hub_id, attempt.hub_domain)
