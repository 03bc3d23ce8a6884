"""Invokes the targets of the stack's schedules every few seconds, instead of once a minute."""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.emulator import ACCOUNT_ID, REGION, Emulator
from local.invoke import FunctionFailed, Invoker, Unavailable

_LONGEST_RUN_SECONDS = 900.0


@contextmanager
def fast_schedules(emulator: Emulator, invoke: Invoker, seconds: float) -> Iterator[None]:
    """Invoke each schedule's target every `seconds` while the block lasts, and disable the schedules themselves.

    A target that still runs is not invoked again, or a slow machine would fall further and further behind.
    """
    stopped = threading.Event()
    schedules = [_disabled(emulator, summary["Name"]) for summary in _summaries(emulator)]
    threads = [
        threading.Thread(target=_run, args=(schedule, invoke, seconds, stopped), daemon=True) for schedule in schedules
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()


@dataclass(frozen=True, slots=True)
class _Schedule:
    arn: str
    target_arn: str
    input: str | None


def _summaries(emulator: Emulator) -> list[dict[str, Any]]:
    summaries: list[dict[str, Any]] = emulator.client("scheduler").list_schedules()["Schedules"]
    return summaries


def _disabled(emulator: Emulator, name: str) -> _Schedule:
    scheduler = emulator.client("scheduler")
    schedule = scheduler.get_schedule(Name=name)
    kept = ("Name", "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target", "Description")
    scheduler.update_schedule(**{key: schedule[key] for key in kept if key in schedule}, State="DISABLED")
    return _Schedule(schedule["Arn"], schedule["Target"]["Arn"], schedule["Target"].get("Input"))


def _run(schedule: _Schedule, invoke: Invoker, seconds: float, stopped: threading.Event) -> None:
    due = time.monotonic()
    while not stopped.wait(max(0.0, due - time.monotonic())):
        with suppress(FunctionFailed, Unavailable):  # the next tick is the retry, as in the template
            invoke(schedule.target_arn, _event(schedule), _LONGEST_RUN_SECONDS)
        due = max(due + seconds, time.monotonic())


def _event(schedule: _Schedule) -> Any:  # noqa: ANN401 - what the schedule's own input says
    if schedule.input is not None:
        return json.loads(schedule.input)
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ACCOUNT_ID,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [schedule.arn],
        "detail": "{}",
    }
