"""A twin leaves nothing behind, however it ends, and says in one line why it cannot start."""

import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.support import twin_process
from tests.support.twin_process import TwinProcess
from tests.support.twin_visitor import TwinVisitor
from tests.support.waiting import eventually

pytestmark = pytest.mark.takes(seconds=60)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_stopped_twin_leaves_no_process_port_or_file(state: Path, number: signal.Signals) -> None:
    with twin_process.running(state, "--schedule-seconds", "1") as twin:
        TwinVisitor(twin).install()
        assert twin.processes()

        code = twin.stop(number)

    eventually(lambda: not twin.processes())
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    eventually(lambda: not any(listens(url) for url in (twin.url, twin.hubspot_url, twin.aws_url)))
    if number != signal.SIGKILL:
        assert not state.exists()


def test_after_a_kill_the_same_command_starts_at_once(state: Path) -> None:
    with twin_process.running(state) as killed:
        killed.stop(signal.SIGKILL)
        eventually(lambda: not killed.processes())

    with twin_process.running(state, port=urlsplit(killed.url).port) as again:
        assert requests.get(f"{again.url}/healthz", timeout=5).ok
        assert again.credentials["api_url"] == again.url


def test_a_twin_interrupted_while_it_starts_leaves_nothing(state: Path) -> None:
    twin = twin_process.spawn(state)
    eventually(state.exists, twin_process.START_SECONDS)

    code = twin.stop(signal.SIGINT)

    assert code == 0
    eventually(lambda: not twin.processes())
    assert not state.exists()


def test_a_busy_port_gives_one_clear_line(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        twin = twin_process.spawn(state, port=port)

        code = twin.process.wait(twin_process.START_SECONDS)

    assert code == 1
    assert twin.output.text() == f"Port {port} is in use: stop what uses it, or choose another with --port.\n"
    assert not state.exists()


def test_a_state_folder_in_use_is_refused_and_the_first_twin_goes_on(twin: TwinProcess) -> None:
    second = twin_process.spawn(twin.state)

    code = second.process.wait(twin_process.START_SECONDS)

    assert code == 1
    assert second.output.text().startswith("Another twin runs in ")
    assert twin.call("/accounts").ok


def test_every_wrong_parameter_is_named_at_once(state: Path) -> None:
    wrong = ["--parameter", "HubSpotClientId=", "--parameter", "RefreshWorkers=many", "--parameter", "Colour=red"]
    twin = twin_process.spawn(state, *wrong)

    code = twin.process.wait(twin_process.START_SECONDS)

    output = twin.output.text()
    assert code == 1
    assert all(name in output for name in ("HubSpotClientId", "RefreshWorkers", "Colour"))
    assert "Traceback" not in output


def test_another_hubspot_needs_its_client_id_and_secret(state: Path) -> None:
    twin = twin_process.spawn(state, other_hubspot="http://localhost:1")

    code = twin.process.wait(twin_process.START_SECONDS)

    output = twin.output.text()
    assert code == 1
    assert "--client-id" in output
    assert "HUBSPOT_CLIENT_SECRET" in output


def test_two_twins_run_side_by_side(twin: TwinProcess, state: Path) -> None:
    with twin_process.running(state) as other:
        TwinVisitor(other).install(100003)

        assert other.token(100003).ok
        assert twin.token(100003).status_code == 404


def listens(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", parts.port or 0)) == 0
