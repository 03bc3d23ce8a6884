"""The product on moto, beside a HubSpot simulator that speaks HTTP."""

from collections.abc import Callable, Iterator

import pytest
from moto import mock_aws

from local.hubspot import Running, SimulatorSettings, serve
from tests.site import Visitor
from tests.stack import Clock, Stack, create_resources

SIMULATED = SimulatorSettings(
    required_scopes=("oauth", "crm.objects.contacts.read"),
    optional_scopes=("tickets",),
    redirect_urls=("http://localhost:3000/oauth-callback",),
)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """An empty AWS account with the stack's resources; the environment that names them."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield create_resources()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stack(aws: dict[str, str], clock: Clock) -> Stack:
    """The product without a HubSpot: for what never calls it."""
    return Stack(aws, clock)


@pytest.fixture
def hubspot() -> Iterator[Running]:
    with serve(SIMULATED) as running:
        yield running


@pytest.fixture
def make_stack(aws: dict[str, str], clock: Clock, hubspot: Running) -> Callable[..., Stack]:
    """The product beside the simulator; environment variables may be given."""

    def make(**environment: str) -> Stack:
        urls = {"HUBSPOT_API_URL": hubspot.url, "HUBSPOT_APP_URL": hubspot.url}
        return Stack({**aws, **urls, **environment}, clock)

    return make


@pytest.fixture
def connected(make_stack: Callable[..., Stack]) -> Stack:
    return make_stack()


@pytest.fixture
def visitor(connected: Stack, hubspot: Running) -> Visitor:
    return Visitor(connected, hubspot.simulator)
