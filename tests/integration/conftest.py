"""The product on moto, beside a HubSpot simulator that speaks HTTP."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

import pytest
from moto import mock_aws
from moto.dynamodb.models import DynamoDBBackend

from simulator import Running, Simulator, serve
from tests.faults.printing import MATRIX
from tests.faults.world import World
from tests.support import simulated_hubspot
from tests.support.deployed_site import Site, deployed_site
from tests.support.product_visitor import ProductVisitor
from tests.support.stack import Clock, Stack, create_resources

LINES = pytest.StashKey[list[str]]()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep the fault matrix if it was run; a worker hands it over to the process that prints."""
    if MATRIX in session.config.stash:
        lines = list(session.config.stash[MATRIX].lines())
        session.config.stash[LINES] = lines
        getattr(session.config, "workeroutput", {})["fault matrix"] = lines


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Keep what a worker has handed over."""
    lines = getattr(node, "workeroutput", {}).get("fault matrix")
    if lines:
        node.config.stash[LINES] = lines


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the matrix."""
    if LINES in config.stash:
        terminalreporter.section("fault matrix")
        for line in config.stash[LINES]:
            terminalreporter.write_line(line)


@contextmanager
def empty_aws() -> Iterator[dict[str, str]]:
    """An empty AWS account with the stack's resources; the environment that names them."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name, value in {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "eu-central-1",
        }.items():
            patch.setenv(name, value)
        one_write_at_a_time(patch)
        patch.setattr("moto.kms.models.generate_private_key", lambda _: None)  # moto makes symmetric keys one as well
        yield create_resources()


def one_write_at_a_time(patch: pytest.MonkeyPatch) -> None:
    """DynamoDB's conditional writes are atomic; moto checks and writes in two steps, which threads can come between."""
    lock = RLock()

    def locked(write: Callable[..., object]) -> Callable[..., object]:
        def one(*given: object, **named: object) -> object:
            with lock:
                return write(*given, **named)

        return one

    for name in ("put_item", "update_item", "delete_item", "transact_write_items"):
        patch.setattr(DynamoDBBackend, name, locked(getattr(DynamoDBBackend, name)))


@pytest.fixture
def aws() -> Iterator[dict[str, str]]:
    with empty_aws() as environment:
        yield environment


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One AWS and one HubSpot for all faults of a module; ``begin`` gives each an account that is fresh."""
    clock = Clock()
    with (
        pytest.MonkeyPatch.context() as patch,
        empty_aws() as environment,
        serve(simulator=Simulator(simulated_hubspot.SETTINGS, clock=clock)) as hubspot,
    ):
        for module in ("adapters.accounts_table", "refresh.dispatcher"):  # one account needs one shard
            patch.setattr(f"hubspot_oauth.{module}.SHARDS", 1)
        yield World(environment, hubspot, clock)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stack(aws: dict[str, str], clock: Clock) -> Stack:
    """The product without a HubSpot: for what never calls it."""
    return Stack(aws, clock)


@pytest.fixture
def hubspot() -> Iterator[Running]:
    with serve(simulated_hubspot.SETTINGS) as running:
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
def installed(visitor: ProductVisitor) -> Stack:
    """The product with account 100001 installed a moment ago."""
    visitor.walk()
    return visitor.stack


@pytest.fixture
def overdue(installed: Stack, clock: Clock) -> Stack:
    """Its token is due for a refresh and has not expired yet."""
    clock.forward(1500)
    return installed


@pytest.fixture
def expired(installed: Stack, clock: Clock) -> Stack:
    clock.forward(1900)
    return installed


@pytest.fixture
def visitor(connected: Stack, hubspot: Running) -> ProductVisitor:
    return ProductVisitor(connected, hubspot.simulator)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with deployed_site() as site:
        yield site


@pytest.fixture
def whole_site(site: Site, request: pytest.FixtureRequest) -> Site:
    """The site after every test of the file; skips when only some of them were chosen."""
    chosen = {item.name.partition("[")[0] for item in request.session.items if item.path == request.path}
    if chosen < {name for name in dir(request.module) if name.startswith("test_")}:
        pytest.skip("only some of the tests were chosen")
    return site
