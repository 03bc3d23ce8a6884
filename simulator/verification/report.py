"""Checks every fact against one HubSpot and prints the verdicts."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import requests

from simulator.verification import consent_page, ended_grant, live_grant, token_errors
from simulator.verification.client import TIMEOUT_SECONDS, HubSpot
from simulator.verification.facts import FACTS, Fact
from simulator.verification.findings import Finding, NotTested, Verdict
from simulator.verification.listener import listening_person

# Importing a chapter adds its facts to FACTS. They are checked in this order; ended_grant comes last.
CHAPTERS = (token_errors, live_grant, consent_page, ended_grant)
_ORDER = [chapter.__name__ for chapter in CHAPTERS]
LEGEND = """Checks {count} facts about HubSpot at {api_url}.
D: HubSpot documents it. O: others observed it. A: this project assumes it."""
ERRAND = "Several of them need you: open each URL below in a browser that is signed in to HubSpot, within five minutes."


def run_facts(hubspot: HubSpot) -> Iterator[tuple[Fact, Finding]]:
    """Check each fact, chapter by chapter."""
    for fact in sorted(FACTS, key=lambda fact: _ORDER.index(fact.check.__module__)):
        yield fact, fact.find_out(hubspot)


def connect(hubspot: HubSpot) -> None:
    """Get a grant with the person's consent, and keep the spent code for the check that needs one."""
    code = hubspot.new_code()
    reply = hubspot.exchange(code)
    hubspot.used_code = code
    hubspot.refresh_token = reply.text("refresh_token") or None
    if hubspot.refresh_token is None:
        raise NotTested(f"the code gave no refresh token: {reply.seen()}")


def verify(
    api_url: str,
    app_url: str,
    client_id: str,
    client_secret: str,
    version: str,
    redirect_uri: str,
    refresh_token: str | None = None,
    out: Callable[[str], None] = print,
    *,
    scopes: Sequence[str] = ("oauth",),
    optional_scopes: Sequence[str] = (),
    end_grant: bool = False,
    wait: Callable[[float], None] | None = None,
) -> int:
    """Print a verdict for each fact; return 1 if one is contradicted or HubSpot cannot be reached, else 0.

    Without a refresh token it asks for consent: it prints authorization URLs and listens on the redirect URL, which
    must be on localhost. With `end_grant` it revokes and uninstalls at the end. With `wait`, a function such
    as time.sleep, it waits until a code and a token have expired. It prints no secret.
    """
    hubspot = HubSpot(
        api_url,
        app_url,
        client_id,
        client_secret,
        version,
        redirect_uri,
        tuple(scopes),
        tuple(optional_scopes),
        refresh_token=refresh_token,
        person=None if refresh_token else listening_person(redirect_uri, out),
        may_end_grant=end_grant,
        wait=wait,
    )
    with hubspot.session:
        return _report(hubspot, out)


def _report(hubspot: HubSpot, out: Callable[[str], None]) -> int:
    if fault := _out_of_reach(hubspot):
        out(fault)
        return 1
    verdicts: Counter[Verdict] = Counter()
    out(LEGEND.format(count=len(FACTS), api_url=hubspot.api_url))
    if hubspot.person:
        out(ERRAND)
    if hubspot.refresh_token is None:
        _try_to_connect(hubspot, out)
    given = hubspot.refresh_token
    for fact, finding in run_facts(hubspot):
        verdicts[finding.verdict] += 1
        _print(fact, finding, out)
    out("\n" + ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in Verdict))
    if hubspot.refresh_token != given:
        out("The refresh token this began with has been replaced or ended: connect the account again.")
    return 1 if verdicts[Verdict.CONTRADICTED] else 0


def _print(fact: Fact, finding: Finding, out: Callable[[str], None]) -> None:
    out(f"{finding.verdict:<13} {fact.tag}  {fact.sentence}")
    if finding.reason:
        out(f"{'':<16} {finding.reason}")


def _out_of_reach(hubspot: HubSpot) -> str | None:
    try:
        hubspot.session.get(hubspot.api_url, timeout=TIMEOUT_SECONDS)
    except requests.RequestException as error:
        return (
            f"HubSpot cannot be reached at {hubspot.api_url} ({type(error).__name__}): check the URL and the network."
        )
    return None


def _try_to_connect(hubspot: HubSpot, out: Callable[[str], None]) -> None:
    try:
        connect(hubspot)
    except NotTested as reason:
        out(f"No grant to test with: {reason}.")
        hubspot.person = None
