"""One twin for the tests that share it, and folders for those that start their own."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import requests

from tests import twins
from tests.twins import TwinProcess, Visit

if find_spec("ministack") is None:
    collect_ignore_glob = ["test_*"]  # the emulator group is not installed


@pytest.fixture(scope="session")
def shared_twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwinProcess]:
    """A twin whose tokens live half an hour and whose schedule runs every second."""
    with twins.running(tmp_path_factory.mktemp("twin") / "state", "--schedule-seconds", "1") as twin:
        yield twin


@pytest.fixture
def twin(shared_twin: TwinProcess) -> TwinProcess:
    """The shared twin, its HubSpot without faults."""
    requests.delete(f"{shared_twin.hubspot_url}/_sim/faults", timeout=10)
    return shared_twin


@pytest.fixture
def visit(twin: TwinProcess) -> Visit:
    return Visit(twin)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"
