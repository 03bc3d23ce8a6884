"""What takes long and little work comes first, so that the rest goes on beside it."""

import pytest

LONG_RUN = "test_five_lifetimes.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long run first; then the files as they are."""
    items.sort(key=lambda item: item.path.name != LONG_RUN)
