"""Invokes functions on the emulator: signed requests over pooled connections, faster than a boto3 client."""

import json
from typing import Any
from urllib.parse import quote

import urllib3

from local.emulator import REGION, ROOT_KEY, Emulator
from local.events import Request
from local.sigv4 import KeyPair, signed_headers

_CONNECTIONS = 64


class FunctionFailed(Exception):
    """The function raised or reached its own time-out. Its log has the reason."""


class Unavailable(Exception):
    """The function did not answer in time, was throttled, or does not exist."""


class Invoker:
    """Invokes functions as the account's root, in place of API Gateway and Scheduler."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._pool = urllib3.HTTPConnectionPool("127.0.0.1", emulator.port, maxsize=_CONNECTIONS, retries=False)
        self._root = KeyPair(ROOT_KEY, ROOT_KEY)

    def __call__(self, function_arn: str, event: object, timeout: float) -> Any:  # noqa: ANN401 - what it returned
        """Return the function's result.

        Raises:
            FunctionFailed: It raised or reached its own time-out.
            Unavailable: It took longer than `timeout` seconds, was throttled, or does not exist.
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
