"""Many readers of one account in one process: calls the token function's handler from many threads at once.

Run as `python -m tests.support.reader_race HUB_ID READERS`; the environment is the deployed function's own. Every
reader asks once first, so that its connections are open. Then each line on standard input starts a race, which prints
one JSON line for each reader: [refusals on the way, fingerprint at the end]. A refusal is
[status, retry_after, seconds waited].
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from tests.support.handlers import handler_of
from tests.support.lambda_events import lambda_context, token_event

OK, PATIENCE = 200, 30
Refusal = tuple[int, str | None, float]
Answer = TypeVar("Answer")


def main() -> None:
    hub_id, readers = sys.argv[1], int(sys.argv[2])
    handler = handler_of("token")
    read(handler, hub_id)  # builds the clients, in one thread: in Lambda a container answers one call at a time
    with ThreadPoolExecutor(readers) as pool:
        race(pool, readers, handler, hub_id)
        say("ready")
        for _ in sys.stdin:
            for answer in race(pool, readers, handler, hub_id):
                say(json.dumps(answer))


def race(pool: ThreadPoolExecutor, readers: int, handler: Any, hub_id: str) -> list[tuple[list[Refusal], str]]:
    def ask() -> tuple[int, str | None, Any]:
        answer = read(handler, hub_id)
        return answer["statusCode"], answer["headers"].get("retry-after"), answer

    starting = threading.Barrier(readers)
    reading = [pool.submit(read_until_answered, ask, starting) for _ in range(readers)]
    return [
        (refusals, json.loads(answer["body"])["fingerprint"])
        for refusals, answer in (reader.result() for reader in reading)
    ]


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def read_until_answered(
    ask: Callable[[], tuple[int, str | None, Answer]], starting: threading.Barrier
) -> tuple[list[Refusal], Answer]:
    """Ask again a second after each refusal until a token comes.

    Args:
        ask: Gives the status, Retry-After and the whole answer.
        starting: Where all readers wait for each other.
    """
    starting.wait()
    refusals: list[Refusal] = []
    deadline = time.monotonic() + PATIENCE
    while True:
        asked_at = time.monotonic()
        status, retry_after, answer = ask()
        if status == OK:
            return refusals, answer
        refusals.append((status, retry_after, time.monotonic() - asked_at))
        assert time.monotonic() < deadline, refusals
        time.sleep(1)


def read(handler: Any, hub_id: str) -> Any:
    return handler(token_event(int(hub_id)), lambda_context("token", 60))


if __name__ == "__main__":
    main()
