"""Waits for what happens elsewhere."""

import time
from collections.abc import Callable
from typing import Any


def eventually(condition: Callable[[], Any], seconds: float = 60, every: float = 0.05) -> Any:
    """Wait until the condition holds and return its value; an AssertionError when it never does."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"never happened within {seconds} s"
        time.sleep(every)
    return value
