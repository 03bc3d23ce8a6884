"""A stand-in for HubSpot that answers every refresh after a set latency, in a process of its own."""

import asyncio
import json
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ACCESS_TOKEN = "CN" + "a" * 298  # as long as HubSpot's own tokens are today
REFRESH_TOKEN = "na1-" + "b" * 68


@contextmanager
def provider(latency: float) -> Iterator[str]:
    """Run a provider that answers after `latency` seconds, and give its URL."""
    context = multiprocessing.get_context("spawn")
    ours, its = context.Pipe()
    process = context.Process(target=_run, args=(latency, its), daemon=True)
    process.start()
    its.close()  # otherwise `recv` waits forever when the provider dies
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


def _run(latency: float, ready: Any) -> None:
    asyncio.run(_serve(latency, ready))


async def _serve(latency: float, ready: Any) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line
                )
                await reader.readexactly(length)
                await asyncio.sleep(latency)
                writer.write(_ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    ready.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


_BODY = json.dumps(
    {
        "token_type": "bearer",
        "refresh_token": REFRESH_TOKEN,
        "access_token": ACCESS_TOKEN,
        "expires_in": 1800,
        "scopes": ["oauth", "crm.objects.contacts.read"],
    }
).encode()
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: keep-alive\r\n\r\n"
    % len(_BODY)
) + _BODY
