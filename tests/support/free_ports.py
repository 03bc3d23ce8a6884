"""Ports for what tests start: each test process has a range of its own, below what the system gives to others."""

import itertools
import os

from local.cannot_start import CannotStart
from local.ports import require_free

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_ports = itertools.count(20_000 + _WORKER % 4 * 3_000)


def free_port() -> int:
    """A port that is free now and that no other test process is given."""
    return next(port for port in _ports if _is_free(port))


def _is_free(port: int) -> bool:
    try:
        require_free({"a test's": port})
    except CannotStart:
        return False
    return True
