"""A refresh worker that is killed at one step of a refresh: calls the deployed function's handler in this process.

Run as `python -m tests.dying HUB_ID [STEP]`; the environment is the function's own. At the step it sends itself
SIGKILL, which nothing can catch and no `finally` survives. Without a step it is for somebody else to kill.
"""

import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from types import SimpleNamespace
from typing import Any

import boto3

from tests.functions import handler_of
from tests.twins import due

#: step -> the moment by botocore's own name for it, and the how manieth: a refresh's two updates are lease and commit.
STEPS = {
    "the lease": ("after-call.dynamodb.UpdateItem", 1),
    "the data key": ("after-call.kms.GenerateDataKey", 1),
    "HubSpot's answer": ("before-call.dynamodb.UpdateItem", 2),
    "the commit": ("after-call.dynamodb.UpdateItem", 2),
}


def main() -> None:
    hub_id, *step = sys.argv[1:]
    for name in step:
        moment, wanted = STEPS[name]
        boto3.setup_default_session()
        assert boto3.DEFAULT_SESSION
        boto3.DEFAULT_SESSION.events.register(moment, die_at(wanted))
    handler_of("refresh_worker")(due(int(hub_id)), context())


def die_at(wanted: int) -> Callable[..., None]:
    seen = count(1)

    def die(**_: object) -> None:
        if next(seen) == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    return die


def context() -> Any:
    return SimpleNamespace(
        function_name="refresh_worker",
        memory_limit_in_mb=1024,
        invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:refresh_worker",
        aws_request_id="dying",
        get_remaining_time_in_millis=lambda: 90_000,
    )


if __name__ == "__main__":
    main()
