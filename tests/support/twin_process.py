"""A twin as a process of its own: started, awaited, read and stopped."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from ops.template import ROOT
from tests.support.free_ports import free_port
from tests.support.twin_client import TwinClient
from tests.support.waiting import eventually

START_SECONDS = 90
STOP_SECONDS = 20


@dataclass
class TwinProcess(TwinClient):
    """A running `python -m local`."""

    process: subprocess.Popen[str]
    output: "Output"

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def processes(self) -> list[tuple[int, str]]:
        """Process id and command line of what works in the twin's folder: the emulator and its function workers."""
        ps = shutil.which("ps")
        assert ps, "ps is needed"
        listed = subprocess.run([ps, "-Awwo", "pid=,args="], capture_output=True, text=True, check=True).stdout
        lines = [line.split(maxsplit=1) for line in listed.splitlines()]
        return [(int(pid), args) for pid, args in lines if str(self.state) in args]


class Output:
    """What a process prints, read as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._seen: list[str] = []
        self._thread = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._thread.start()

    def so_far(self) -> str:
        return "".join(self._seen)

    def text(self) -> str:
        """Everything it printed until its end."""
        self._thread.join(STOP_SECONDS)
        return self.so_far()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        with process.stdout as lines:
            self._seen.extend(iter(lines.readline, ""))


def spawn(
    state: Path,
    *flags: str,
    port: int | None = None,
    other_hubspot: str | None = None,
    environment: Mapping[str, str] | None = None,
    subcommand: str | None = None,
) -> TwinProcess:
    """Start a twin on free ports without waiting for it; with another HubSpot's URL, without its own simulator."""
    port, aws, hubspot = port or free_port(), free_port(), free_port()
    command = [sys.executable, "-m", "local", *([subcommand] if subcommand else [])]
    command += ["--port", str(port), "--aws-port", str(aws), "--state-dir", str(state)]
    if not subcommand:
        urls = ["--hubspot-api-url", other_hubspot, "--hubspot-app-url", other_hubspot] if other_hubspot else []
        command += urls or ["--hubspot-port", str(hubspot)]
    process = subprocess.Popen(
        [*command, *flags],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return TwinProcess(
        url=f"http://localhost:{port}",
        hubspot_url=other_hubspot or f"http://localhost:{hubspot}",
        aws_url=f"http://127.0.0.1:{aws}",
        state=state,
        process=process,
        output=Output(process),
    )


@contextmanager
def running(state: Path, *flags: str, **wanted: Any) -> Iterator[TwinProcess]:
    """A twin that is ready, stopped at the end; takes what `spawn` takes."""
    twin = spawn(state, *flags, **wanted)
    try:
        await_ready(twin)
        yield twin
    finally:
        if twin.process.poll() is None:
            twin.stop()


def await_ready(twin: TwinProcess) -> None:
    def ready() -> bool:
        assert twin.process.poll() is None, twin.output.text()
        try:
            return requests.get(f"{twin.url}/healthz", timeout=5).status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            return False

    eventually(ready, START_SECONDS)
