"""The verification confirms the facts about HubSpot on the simulator, and notices a HubSpot that differs."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import requests

from simulator import Running, SimulatorSettings, serve, verification
from simulator.configuration import API_VERSIONS
from simulator.faults import parse_fault
from simulator.verification.client import HubSpot
from simulator.verification.facts import FACTS
from simulator.verification.findings import NotTested
from simulator.visitor import NotSentBack, decide
from tests.support.free_ports import free_port
from tests.support.recording_simulator import RecordingSimulator
from tests.support.secret_scan import leaks

ACME = 100001


@dataclass
class Verified:
    """One verification: what it printed and what it came to."""

    lines: list[str] = field(default_factory=list)
    contradicted: int = 0

    def sentences(self, verdict: str) -> list[str]:
        return [line for line in self.lines if line.startswith(verdict)]


@dataclass
class Person:
    """Reads what is printed and does what it asks, in a browser."""

    verified: Verified

    def read(self, line: str) -> None:
        self.verified.lines.append(line)
        if "/authorize?" in line:
            what, url = line.strip().split(":\n  ")
            decision = "cancel" if "CANCEL" in what else "allow"
            threading.Thread(target=lambda: requests.get(decide(url, ACME, decision), timeout=10)).start()


@pytest.fixture
def hubspot() -> Iterator[Running]:
    port = free_port()
    redirect_urls = (f"http://localhost:{port}/oauth-callback",)
    with serve(simulator=RecordingSimulator(SimulatorSettings(redirect_urls=redirect_urls))) as running:
        yield running


@pytest.fixture
def verify(hubspot: Running) -> Callable[..., Verified]:
    settings = hubspot.simulator.settings

    def run(version: str = "v3") -> Verified:
        verified = Verified()
        verified.contradicted = verification.verify(
            hubspot.url,
            hubspot.url,
            settings.client_id,
            settings.client_secret,
            version,
            settings.redirect_urls[0],
            out=Person(verified).read,
            scopes=settings.required_scopes,
            end_grant=True,
        )
        return verified

    return run


@pytest.mark.parametrize("version", API_VERSIONS)
def test_the_simulator_contradicts_no_fact(verify: Callable[..., Verified], version: str) -> None:
    verified = verify(version)

    assert verified.contradicted == 0, verified.sentences("contradicted")
    assert len(verified.sentences("confirmed")) > 20
    assert not [line for line in verified.lines if "needs a refresh token" in line]  # what ends the grant comes last


def test_what_is_printed_holds_nothing_secret(hubspot: Running, verify: Callable[..., Verified]) -> None:
    verified = verify()

    assert isinstance(hubspot.simulator, RecordingSimulator)
    secrets = {f"secret {number}": secret for number, secret in enumerate(hubspot.simulator.issued)}
    secrets["client secret"] = hubspot.simulator.settings.client_secret
    assert len(secrets) > 5
    assert leaks({"output": "\n".join(verified.lines)}, secrets) == []


def test_a_hubspot_that_answers_otherwise_is_contradicted(hubspot: Running, verify: Callable[..., Verified]) -> None:
    hubspot.simulator.faults.add(parse_fault({"kind": "with", "fields": {"status": "OTHER"}, "endpoint": "token"}))

    verified = verify()

    assert verified.contradicted == 1
    assert verified.sentences("contradicted")


def test_a_hubspot_out_of_reach_is_one_line() -> None:
    lines: list[str] = []

    ended = verification.verify("http://localhost:1", "http://localhost:1", "id", "secret", "v3", "x", out=lines.append)

    assert ended == 1
    assert len(lines) == 1
    assert "cannot be reached at http://localhost:1" in lines[0]


def test_without_a_person_at_the_consent_page_the_rest_is_still_checked(hubspot: Running) -> None:
    lines: list[str] = []
    settings = hubspot.simulator.settings

    contradicted = verification.verify(
        hubspot.url,
        hubspot.url,
        settings.client_id,
        settings.client_secret,
        "v3",
        "https://app.example.com/oauth-callback",
        out=lines.append,
    )

    assert contradicted == 0
    assert any(line.startswith("confirmed") for line in lines)
    assert any(line.startswith("not tested") for line in lines)


@pytest.mark.parametrize(
    ("required", "declared_without", "asked_for"),
    [(False, "confirmed", "not tested"), (True, "not tested", "contradicted")],
)
def test_the_scope_oauth_is_looked_at_in_both_directions(
    hubspot: Running, required: bool, declared_without: str, asked_for: str
) -> None:
    hubspot.simulator.change(required_scopes=("tickets",), requires_oauth_scope=required)
    settings = hubspot.simulator.settings

    def person(_what: str, url: str) -> str:
        try:
            return decide(url, ACME)
        except NotSentBack:
            raise NotTested("no browser came back") from None

    app = (settings.client_id, settings.client_secret, "v3", settings.redirect_urls[0], settings.required_scopes)
    client = HubSpot(hubspot.url, hubspot.url, *app, person=person)
    verdicts = {fact.name: str(fact.find_out(client).verdict) for fact in FACTS if fact.name.startswith("oauth-")}

    assert verdicts == {"oauth-not-declared": declared_without, "oauth-not-added": asked_for}
