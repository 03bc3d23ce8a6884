"""What can go wrong on our side of a refresh, where it may strike, and how each must end.

``throttled`` and its like last until the world heals; a process dies, stalls or runs out of time once.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from hubspot_oauth.domain import call_timeouts
from hubspot_oauth.domain.refresh_timing import orphan_wait
from tests.faults.trouble import Killed, Strike
from tests.faults.world import FUNCTION_SECONDS, World

AWHILE_SECONDS = 20
Go = Callable[[], Any]

#: What else must go wrong before a step is reached at all.
COMPANIONS: dict[str, Callable[[World], None]] = {
    "breaker": World.revoke_and_refuse_once,
    "mark": World.revoke_and_refuse_once,
    "settle": lambda world: world.strike(kind="status", status=503),
    "rescue": lambda world: world.trouble.add("commit", refusing("ThrottlingException", 400)),
}


def refusing(code: str, status: int) -> Strike:
    def strike(_: Go) -> None:
        answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
        raise ClientError(answer, "Struck")

    return strike


def silent(_: Go) -> None:
    raise ReadTimeoutError(endpoint_url="https://aws.example")


def after(strike: Strike, go: Go) -> Any:
    """AWS does the work before the strike."""
    go()
    return strike(go)


def twice(go: Go) -> Any:
    """The first answer is lost, and the SDK repeats the call."""
    go()
    return go()


def garbled(_: Go) -> None:
    raise ResponseParserError("not well-formed")


def killed(_: Go) -> None:
    raise Killed


def _for_a_while(world: World, strike: Strike, go: Go) -> Any:
    return go() if world.clock() >= world.ends_at - FUNCTION_SECONDS + AWHILE_SECONDS else strike(go)


def _slow(world: World, go: Go) -> Any:
    world.clock.forward(call_timeouts.PREPARE_SECONDS + 1)
    return go()


def _stalled(world: World, go: Go) -> Any:
    """Longer than its lease: meanwhile another lease owner refreshes the account."""
    world.clock.forward(call_timeouts.LEASE_SECONDS + orphan_wait(world.account().attempts) + 1)
    world.another_process_ticks()
    return go()


def _stalled_after(world: World, go: Go) -> Any:
    answer = go()
    _stalled(world, lambda: None)
    return answer


def _out_of_time(world: World, go: Go) -> Any:
    world.ends_at = world.clock() + 1
    return go()


_throttled = refusing("ThrottlingException", 400)

#: name -> the strike in a world, and how often it strikes (None: until the world heals).
STRIKES: dict[str, tuple[Callable[[World], Strike], int | None]] = {
    "throttled once": (lambda _: _throttled, 1),
    "throttled for 20 s": (lambda world: partial(_for_a_while, world, _throttled), None),
    "throttled to the end": (lambda _: _throttled, None),
    "internal error": (lambda _: refusing("InternalServerError", 500), None),
    "refused": (lambda _: refusing("AccessDeniedException", 400), None),
    "write conflict": (lambda _: refusing("TransactionConflictException", 400), None),
    "no answer": (lambda _: silent, None),
    "answer lost": (lambda _: partial(after, silent), None),
    "answer lost, asked again": (lambda _: twice, 1),
    "answer garbled": (lambda _: garbled, None),
    "slow": (lambda world: partial(_slow, world), 1),
    "stalled before": (lambda world: partial(_stalled, world), 1),
    "stalled after": (lambda world: partial(_stalled_after, world), 1),
    "out of time": (lambda world: partial(_out_of_time, world), 1),
    "killed before": (lambda _: killed, 1),
    "killed after": (lambda _: partial(after, killed), 1),
}


def let_strike(world: World, name: str, step: str) -> None:
    """Put a fault in force at a step, with whatever it takes to get there."""
    if step in COMPANIONS:
        COMPANIONS[step](world)
    strike, times = STRIKES[name]
    world.trouble.add(step, strike(world), times)
