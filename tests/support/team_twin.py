"""A team with a site and a sign-in page of its own, on a twin: its browsers, its back end and the Marketplace."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import requests

from simulator import SimulatorSettings, serve
from simulator.configuration import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from tests.support import twin_process
from tests.support.browser_reading import query_of
from tests.support.free_ports import free_port
from tests.support.recording_simulator import RecordingSimulator
from tests.support.secret_scan import PREFIX_LENGTH, leaks, secrets_in
from tests.support.twin_client import ACME, TwinClient
from tests.support.twin_process import TwinProcess
from tests.support.twin_visitor import TwinVisitor

SITE = "https://app.example.com"
SIGN_IN = "https://team.example.com/sign-in"


class Browsers:
    """Opens browsers and remembers them all."""

    def __init__(self, twin: TwinProcess) -> None:
        self.twin = twin
        self.opened: list[TwinVisitor] = []

    def __call__(self, cookies: requests.Session | None = None) -> TwinVisitor:
        visitor = TwinVisitor(self.twin)
        if cookies is not None:
            visitor.session.cookies.update(cookies.cookies)
        self.opened.append(visitor)
        return visitor

    def secrets(self) -> dict[str, str]:
        """Every code, state, link and cookie that one of them ever saw."""
        pages = [page for visitor in self.opened for page in visitor.pages]
        addresses = [str(page.request.url) for page in pages] + [page.headers.get("location", "") for page in pages]
        values = {cookie.value or "" for visitor in self.opened for cookie in visitor.session.cookies}
        cookies = {f"cookie {number}": value for number, value in enumerate(values) if len(value) >= PREFIX_LENGTH}
        return secrets_in(addresses) | cookies

    def kinds_of_secrets(self) -> set[str]:
        return {name.split()[0] for name in self.secrets()}


@contextmanager
def running_team(
    state: Path, *, hubspot_host: str = "localhost", **parameters: str
) -> Iterator[tuple[TwinProcess, RecordingSimulator]]:
    """A team's twin, with these parameters of the template, and its HubSpot, which remembers every secret it issues."""
    port, hubspot_port = free_port(), free_port()
    origin = f"http://{hubspot_host}:{hubspot_port}"
    settings = SimulatorSettings(redirect_urls=(f"http://localhost:{port}/oauth-callback",), marketplace_origin=origin)
    parameters["RequiredScopes"] = " ".join(settings.required_scopes)
    parameters["OptionalScopes"] = " ".join(settings.optional_scopes)
    flags = [text for name, value in parameters.items() for text in ("--parameter", f"{name}={value}")]
    environment = {"HUBSPOT_CLIENT_SECRET": DEFAULT_CLIENT_SECRET}
    hubspot = RecordingSimulator(settings)
    with (
        serve(port=hubspot_port, simulator=hubspot),
        twin_process.running(
            state, "--client-id", DEFAULT_CLIENT_ID, *flags, port=port, other_hubspot=origin, environment=environment
        ) as twin,
    ):
        yield twin, hubspot


def leaks_in_logs(twin: TwinProcess, browsers: Browsers, issued: Iterable[str] = ()) -> list[str]:
    """Leaks in the twin's logs of what its browsers saw, of its own secrets, and of what HubSpot issued."""
    secrets = browsers.secrets() | {"client secret": DEFAULT_CLIENT_SECRET, "state key": state_key(twin)}
    secrets |= {
        f"issued by HubSpot {number}": secret
        for number, secret in enumerate(issued)
        if len(secret) >= PREFIX_LENGTH  # codes, access and refresh tokens
    }
    return leaks({"log": twin.log(), "output": twin.output.so_far()}, secrets)


def marketplace(twin: TwinClient, arrival: str, hub_id: int = ACME) -> str:
    """Choose the app in the Marketplace; where HubSpot sends the browser first."""
    sent = requests.post(
        f"{twin.hubspot_url}/marketplace/start",
        {"arrival": arrival, "hub_id": hub_id},
        allow_redirects=False,
        timeout=10,
    )
    return sent.headers["location"]


def install_link(twin: TwinClient, **wanted: object) -> str:
    """An install link, made as the team's back end makes it."""
    made = twin.call("/install-links", "POST", **wanted)
    assert made.status_code == 201, made.text
    return str(made.json()["url"])


def sign_in(twin: TwinClient, visitor: TwinVisitor, reference: str, return_url: str) -> str:
    """The team signs its user in and makes a link; the Marketplace's page with the state for that user."""
    url = install_link(twin, client_reference_id=reference, hubspot_return_url=return_url)
    return visitor.open(url).headers["location"]


def finalize(twin: TwinClient, at_hubspot: str, hub_id: int = ACME) -> str:
    """Consent on the Marketplace's page; the address that HubSpot then loads in its iframe."""
    parts = urlsplit(at_hubspot)
    install_id = parts.path.rpartition("/")[2]
    state = query_of(at_hubspot)["state"]
    back = f"{twin.hubspot_url}/marketplace/finished/{install_id}"
    given = {"step": "finalize", "code": fresh_code(twin, hub_id), "state": state, "returnUrl": back}
    return callback(twin, **given)


def fresh_code(twin: TwinClient, hub_id: int = ACME) -> str:
    """An authorization code for this account, not yet spent."""
    return query_of(marketplace(twin, "sample", hub_id))["code"]


def callback(twin: TwinClient, **query: str) -> str:
    return f"{twin.url}/oauth-callback?{urlencode(query)}"


def start_install(twin: TwinClient, visitor: TwinVisitor, **wanted: object) -> str:
    """Start an install, by a link when something is wanted; the state."""
    at_hubspot = visitor.open(install_link(twin, **wanted)) if wanted else visitor.start()
    return query_of(at_hubspot.headers["location"])["state"]


def state_key(twin: TwinClient) -> str:
    return str(twin.aws("secretsmanager").get_secret_value(SecretId=state_key_id(twin))["SecretString"])


def state_key_id(twin: TwinClient) -> str:
    [stack] = twin.aws("cloudformation").describe_stacks()["Stacks"]
    found = twin.aws("cloudformation").describe_stack_resource(
        StackName=stack["StackName"], LogicalResourceId="StateKey"
    )
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def assert_stored_unbound(twin: TwinClient) -> None:
    """The account is installed and works, and is no customer's."""
    assert twin.account()["binding"] == "unbound"
    assert "client_reference_id" not in twin.account()
    assert twin.token().status_code == 200


def linked_to(twin: TwinClient, reference: str) -> list[int]:
    """The accounts that are linked to this customer."""
    answer = twin.call(f"/accounts?client_reference_id={reference}")
    assert answer.status_code == 200, answer.text
    return [account["hub_id"] for account in answer.json()["accounts"]]
