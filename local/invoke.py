"""Calls of functions on the emulation: signed requests over pooled connections, without a boto3 client in between."""

import json
from typing import Any
from urllib.parse import quote

import urllib3

from local.emulator import REGION, ROOT_KEY, Emulator
from local.events import Request
from local.sigv4 import KeyPair, signed_headers

_CONNECTIONS = 64


class FunctionFailed(Exception):
    """The function raised, or ran into its time-out. What it said stays in its log."""


class Unavailable(Exception):
    """The function did not answer in time, or was throttled."""


class Invoker:
    """Invokes functions as the account's root, as API Gateway and Scheduler do in AWS's own name."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._pool = urllib3.HTTPConnectionPool("127.0.0.1", emulator.port, maxsize=_CONNECTIONS, retries=False)
        self._root = KeyPair(ROOT_KEY, ROOT_KEY)

    def __call__(self, function_arn: str, event: object, timeout: float) -> Any:  # noqa: ANN401 - what it returned
        """The function's result.

        Raises:
            FunctionFailed: It raised.
            Unavailable: It took longer than `timeout` seconds, or was throttled.
        """
        target = f"/2015-03-31/functions/{quote(function_arn, safe='')}/invocations"
        body = json.dumps(event).encode()
        request = Request("POST", target, [("host", f"127.0.0.1:{self._emulator.port}")], body)
        headers = signed_headers(request, self._root, REGION, "lambda")
        try:
            answer = self._pool.urlopen("POST", target, body, headers, timeout=timeout)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable from error
        if answer.status != 200:  # noqa: PLR2004
            raise Unavailable
        if "x-amz-function-error" in answer.headers:
            raise FunctionFailed
        return json.loads(answer.data)
