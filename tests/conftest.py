"""The files that take longest come first, those that mostly wait beside those that compute: no core stands idle."""

import pytest
from hypothesis import settings

#: How fast a machine is, and what was tried on it before, decides no test.
settings.register_profile("here", deadline=None, derandomize=True, database=None)
settings.load_profile("here")

FIRST = (
    "test_five_lifetimes.py",  # waits
    "test_fault_matrix.py",
    "test_protocol_model.py",
    "test_install_attacks.py",
    "test_roles.py",  # waits
    "test_kills.py",  # waits
    "test_install_properties.py",
    "test_lifecycle.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those first; the others as they are."""
    places = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))
