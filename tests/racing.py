"""Many readers of one account in one process: calls the token function's handler from many threads at once.

Run as `python -m tests.racing HUB_ID READERS`; the environment is the deployed function's own. Waits for a line on
standard input, then prints one JSON line for each reader: [status, retry_after, fingerprint].
"""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.util import module_from_spec, spec_from_file_location
from types import SimpleNamespace
from typing import Any

from ops.template import ROOT


def main() -> None:
    hub_id, readers = sys.argv[1], int(sys.argv[2])
    handler = load_handler()
    starting = threading.Barrier(readers + 1)
    with ThreadPoolExecutor(readers) as pool:
        answers = [pool.submit(read, handler, hub_id, starting) for _ in range(readers)]
        say("ready")
        sys.stdin.readline()
        starting.wait()
        for answer in answers:
            say(json.dumps(answer.result()))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def load_handler() -> Any:
    spec = spec_from_file_location("token_function", ROOT / "functions" / "token" / "app.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.handler


def read(handler: Any, hub_id: str, starting: threading.Barrier) -> tuple[int, str | None, str | None]:
    event = {"pathParameters": {"hub_id": hub_id}, "rawQueryString": "", "requestContext": {"domainName": "localhost"}}
    context = SimpleNamespace(
        function_name="token",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:token",
        aws_request_id="race",
        get_remaining_time_in_millis=lambda: 60_000,
    )
    starting.wait()
    answer = handler(event, context)
    body = json.loads(answer["body"])
    return answer["statusCode"], answer["headers"].get("retry-after"), body.get("fingerprint")


if __name__ == "__main__":
    main()
