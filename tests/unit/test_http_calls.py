"""One bound on a whole call to HubSpot, kept by one thread for all calls."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from hubspot_oauth.adapters import http_calls, watched_connections

LATE = 30  # seconds; no machine is this slow, and a call without its watchdog never ends
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"


class Dripping:
    """A server that sends a byte each 50 ms and never comes to an end; what each connection asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self._connections: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()
        for connection in self._connections:
            with suppress(OSError):  # its client has hung up before
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):  # closed: the test is over
            while True:
                threading.Thread(target=self._drip, args=(self._listening.accept()[0],), daemon=True).start()

    def _drip(self, connection: socket.socket) -> None:
        self._connections.append(connection)
        with connection:
            self.asked.append(connection.recv(4096))
            drip(connection)


def drip(connection: socket.socket) -> None:
    """An answer that never comes to an end, until the client hangs up."""
    with suppress(OSError):
        connection.sendall(HEAD)
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)


@pytest.fixture
def dripping() -> Iterator[Dripping]:
    server = Dripping()
    yield server
    server.close()


def seconds_until_given_up(url: str, seconds: float) -> float:
    started = time.monotonic()
    with http_calls.session(1) as client, pytest.raises(http_calls.NoAnswer, match="timeout"):
        http_calls.call(client, "POST", url, seconds, form={"a": "b"})
    return time.monotonic() - started


def test_each_of_many_calls_at_once_ends_when_its_own_time_is_up(dripping: Dripping) -> None:
    bounds = [0.9 - 0.05 * number for number in range(16)]  # each ends before those already under way

    with ThreadPoolExecutor(len(bounds) + 1) as pool, http_calls.session(1) as client:
        first = pool.submit(http_calls.call, client, "POST", dripping.url, 2 * LATE, form={})
        took = list(pool.map(lambda seconds: seconds_until_given_up(dripping.url, seconds), bounds))
        dripping.close()
        with pytest.raises(http_calls.NoAnswer):
            first.result()

    assert all(bound <= taken < LATE for bound, taken in zip(bounds, took, strict=True))


def test_one_thread_watches_over_every_call(dripping: Dripping) -> None:
    for _ in range(5):
        seconds_until_given_up(dripping.url, 0.1)

    assert sum(thread.name == "watchdog" for thread in threading.enumerate()) == 1


def test_nothing_is_sent_when_connecting_has_used_up_the_time(
    dripping: Dripping, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = socket.socket.connect

    def slowly(sock: socket.socket, address: tuple[str, int]) -> None:
        time.sleep(0.3)
        connect(sock, address)

    monkeypatch.setattr(socket.socket, "connect", slowly)

    seconds_until_given_up(dripping.url, 0.2)

    time.sleep(0.1)
    assert dripping.asked in ([], [b""])


def test_a_connection_kept_alive_is_watched_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, http_calls.session(1) as client:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def answer_once_then_drip() -> None:
            connection, _ = listening.accept()
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            connection.recv(4096)
            with connection:
                drip(connection)

        server = threading.Thread(target=answer_once_then_drip)
        server.start()
        assert http_calls.call(client, "POST", url, 2, form={}).body == b"ok"
        started = time.monotonic()
        with pytest.raises(http_calls.NoAnswer, match="timeout"):
            http_calls.call(client, "POST", url, 0.3, form={})
        assert time.monotonic() - started < LATE
        server.join()


@pytest.mark.parametrize(("rested", "connections"), [(0, 1), (watched_connections.IDLE_SECONDS, 2)])
def test_a_connection_that_rested_long_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, rested: int, connections: int
) -> None:
    accepted = []
    with socket.create_server(("127.0.0.1", 0)) as listening, http_calls.session(1) as client:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def serve(connection: socket.socket) -> None:
            with connection:
                while connection.recv(4096):
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        def accept() -> None:
            with suppress(OSError):
                while True:
                    accepted.append(listening.accept()[0])
                    threading.Thread(target=serve, args=(accepted[-1],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        assert http_calls.call(client, "POST", url, 2, form={}).body == b"ok"
        now = time.time()
        monkeypatch.setattr(watched_connections, "time", lambda: now + rested)

        assert http_calls.call(client, "POST", url, 2, form={}).body == b"ok"
        assert len(accepted) == connections


def answering(answer: bytes, requests: list[bytes] | None = None) -> str:
    """The URL of a server that gives this answer to each connection, and keeps the requests."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection:
                    asked = b""
                    while not asked.endswith(b"a=b"):  # the whole request: what is left unread would reset the answer
                        asked += connection.recv(4096)
                    if requests is not None:
                        requests.append(asked)
                    connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("location", [b"http://[", b"\xff\xfe", b"/elsewhere", b"file:///etc/passwd"])
def test_a_redirect_is_an_answer_like_any_other_wherever_it_leads(location: bytes) -> None:
    url = answering(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n")

    with http_calls.session(1) as client:
        answer = http_calls.call(client, "POST", url, 2, form={"a": "b"})

    assert (answer.status, answer.body) == (302, b"")


def test_what_a_redirect_carries_is_bounded_too() -> None:
    size = 10 * http_calls.MOST_BYTES
    head = f"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: {size}\r\n\r\n".encode()
    url = answering(head + b"x" * size)

    with http_calls.session(1) as client, pytest.raises(http_calls.NoAnswer, match="too_large"):
        http_calls.call(client, "POST", url, 2, form={"a": "b"})


def test_no_proxy_and_no_password_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password secret")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    asked: list[bytes] = []
    url = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", asked)

    with http_calls.session(1) as client:
        assert http_calls.call(client, "POST", url, 2, form={"a": "b"}).status == 200

    assert len(asked) == 1
    assert b"Authorization" not in asked[0]


def test_no_cookie_of_one_call_goes_out_with_the_next() -> None:
    url = answering(b"HTTP/1.1 200 OK\r\nSet-Cookie: who=acme; Path=/\r\nContent-Length: 0\r\n\r\n")

    with http_calls.session(1) as client:
        http_calls.call(client, "POST", url, 2, form={"a": "b"})

        assert list(client.cookies) == []
