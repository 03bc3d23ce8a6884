"""Work that goes on in the background while a test does something else."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager


@contextmanager
def repeated(work: Callable[[], None], pause: Callable[[], float], threads: int = 1) -> Iterator[None]:
    """Repeat the work in each of so many threads while the block lasts; what it raises is raised at the end.

    Args:
        work: Called again and again.
        pause: How many seconds to wait before each call.
        threads: How many do so at once.
    """
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(pause()):
            work()

    with ThreadPoolExecutor(threads) as pool, ExitStack() as checks:
        for _ in range(threads):
            checks.callback(pool.submit(repeat).result)
        try:
            yield
        finally:
            ended.set()
