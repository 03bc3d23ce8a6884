"""A refresh worker that is killed at one step of a refresh: calls the deployed function's handler in this process.

Run as `python -m tests.support.worker_that_dies HUB_ID [STEP]`; the environment is the function's own. At the step it
sends itself SIGKILL, which nothing can catch and no `finally` survives. Without a step, the caller has to kill it.
"""

import os
import signal
import sys
from collections.abc import Callable
from itertools import count

import boto3

from tests.support.handlers import handler_of
from tests.support.lambda_events import lambda_context, worker_event

#: step -> botocore's name of the event, and at which occurrence: a refresh's first update is the lease, its second the
#: commit.
STEPS = {
    "the lease": ("after-call.dynamodb.UpdateItem", 1),
    "the data key": ("after-call.kms.GenerateDataKey", 1),
    "HubSpot's answer": ("before-call.dynamodb.UpdateItem", 2),
    "the commit": ("after-call.dynamodb.UpdateItem", 2),
}


def main() -> None:
    hub_id, *step = sys.argv[1:]
    for name in step:
        event, occurrence = STEPS[name]
        boto3.setup_default_session()
        assert boto3.DEFAULT_SESSION
        boto3.DEFAULT_SESSION.events.register(event, die_at(occurrence))
    handler_of("refresh_worker")(worker_event(int(hub_id)), lambda_context("refresh_worker", 90))


def die_at(occurrence: int) -> Callable[..., None]:
    seen = count(1)

    def die(**_: object) -> None:
        if next(seen) == occurrence:
            os.kill(os.getpid(), signal.SIGKILL)

    return die


if __name__ == "__main__":
    main()
