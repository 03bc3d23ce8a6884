"""What takes long and little work runs beside the other tests."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest

LONG_RUN = "test_five_lifetimes.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of the long run come last: it goes on meanwhile."""
    items.sort(key=lambda item: item.path.name == LONG_RUN)


@pytest.fixture(scope="session", autouse=True)
def lifetimes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Any]]:
    """The long run of two twins, started before the first test when any test of this session asks for it."""
    with ExitStack() as parts:
        if any(item.path.name == LONG_RUN for item in request.session.items):
            from tests.lifetimes import started  # noqa: PLC0415 - needs the emulator group

            yield parts.enter_context(started(tmp_path_factory.mktemp("lifetimes")))
        else:
            yield {}
