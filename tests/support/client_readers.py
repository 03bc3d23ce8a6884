"""Many threads of one process that call HubSpot through the client for a while.

Run as `python -m tests.support.client_readers HUB_ID THREADS SECONDS`; the environment is what `python -m local env`
sets. It prints one JSON line: how often each status came, and how many requests for a token were sent.
"""

import json
import os
import random
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import requests

from hubspot_tokens import Client, HubSpotAuth
from hubspot_tokens.cache import TokenCache
from hubspot_tokens.tokens import Ask, Token

#: How long a thread waits between two calls, on average.
PAUSE_SECONDS = 4.0


def main() -> None:
    hub_id, threads, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    client, asked = Client(), Counter[str]()
    request = client._cache._request

    def counted(ask: Ask) -> tuple[Token, float]:
        asked["requests"] += 1  # one flight at a time
        return request(ask)

    client._cache = TokenCache(counted)
    statuses, lock, ends = Counter[str](), threading.Lock(), time.monotonic() + seconds
    url = f"{os.environ['HUBSPOT_API_URL']}/crm/v3/objects/contacts?limit=1"

    def call_until_the_end(_: int) -> None:
        with requests.Session() as session:
            session.auth = HubSpotAuth(hub_id, client)
            while time.monotonic() < ends:
                answer = session.get(url, timeout=60)
                with lock:
                    statuses.update(str(each.status_code) for each in [*answer.history, answer])
                time.sleep(random.uniform(0, 2 * PAUSE_SECONDS))

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(call_until_the_end, range(threads)))
    sys.stdout.write(json.dumps({"statuses": statuses, **asked}) + "\n")


if __name__ == "__main__":
    main()
