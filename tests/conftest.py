"""The files that take longest come first: processes share them out, and none is left alone with one at the end."""

import pytest

LONGEST_FIRST = (
    "test_five_lifetimes.py",
    "test_roles.py",
    "test_install_attacks.py",
    "test_kills.py",
    "test_fault_matrix.py",
    "test_protocol_model.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those first; the others as they are."""
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))
