"""How the whole suite runs: Hypothesis without a clock, and the slow files first."""

from itertools import chain, zip_longest
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.built_functions import build, clean_interpreter

#: No deadline, no example database: how fast a machine is and what it tried before must not decide a test.
settings.register_profile("here", deadline=None, derandomize=True, database=None)
settings.load_profile("here")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first, so that the last worker does not end long after the others.

    Of three workers on two cores one may wait while two compute: after each file that waits come two that compute.
    """
    waits = longest_first(items, waits=True)
    computes = iter(longest_first(items, waits=False))
    order = list(chain.from_iterable(zip_longest(waits, computes, computes)))
    places = {path: place for place, path in enumerate(order) if path}
    items.sort(key=lambda item: places.get(item.path, len(order)))


def longest_first(items: list[pytest.Item], *, waits: bool) -> list[Path]:
    """The files that say what they take by the marker ``takes`` and wait, or do not wait."""
    taken = {item.path: mark.kwargs for item in items if (mark := item.get_closest_marker("takes"))}
    chosen = [path for path, said in taken.items() if said.get("waits", False) == waits]
    return sorted(chosen, key=lambda path: taken[path]["seconds"], reverse=True)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which `sam build` has built everything."""
    target = tmp_path_factory.mktemp("built")
    build(target)
    return target


@pytest.fixture(scope="session")
def lambda_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clean_interpreter(tmp_path_factory.mktemp("runtime"))
