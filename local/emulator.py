"""Runs the AWS emulator as a child process, and makes the boto3 clients that talk to it."""

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local.cannot_start import CannotStart
from local.ports import ADDRESS
from local.statedir import CALLERS, CREDENTIALS, EMULATOR_LOG, TEMPORARY

REGION = "us-east-1"
ACCOUNT_ID = "000000000000"
#: Key id and secret of the account's root. The emulator does not check what is signed with it.
ROOT_KEY = "test"
_ROOT = Path(__file__).resolve().parents[1]
_START_SECONDS = 60
_STOP_SECONDS = 10
_making_a_client = threading.Lock()  # boto3's sessions are not thread-safe
#: Variables that the child inherits. AWS_* must not be among them: they would reach the functions.
_INHERITED = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
)


@dataclass(frozen=True, slots=True)
class Emulator:
    port: int

    @property
    def url(self) -> str:
        """One address for all AWS services."""
        return f"http://{ADDRESS}:{self.port}"

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3's clients are made at run time
        """A boto3 client of one service, as the account's root."""
        return aws_client(self.url, service)

    def client_of(self, service: str, key_id: str, secret: str, token: str | None) -> Any:  # noqa: ANN401
        """A boto3 client of one service that signs with this key."""
        return _client(self.url, service, key_id, secret, token)

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something in the emulated account and region."""
        return f"arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{resource}"


def require_installed() -> None:
    """Check that the `emulator` dependency group is installed.

    Raises:
        CannotStart: It is not; the line says how to install it.
    """
    if missing := [name for name in ("ministack", "samtranslator") if find_spec(name) is None]:
        raise CannotStart(f"The AWS emulator is not installed ({', '.join(missing)}): run “make install”.")


@contextmanager
def emulator(port: int, state: Path) -> Iterator[Emulator]:
    """Run the emulator on `port`, with its files in `state`, until the block ends.

    It does not answer at once: see `await_ready`.
    """
    log = os.open(state / EMULATOR_LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    doomed = (state / TEMPORARY, state / CALLERS, state / CREDENTIALS)
    child = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "local.emulator_process", *map(str, doomed)],
        cwd=_ROOT,
        env=_environment(port, state, os.environ),
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    os.close(log)
    try:
        yield Emulator(port)
    finally:
        _stop(child)


def await_ready(running: Emulator, log: Path) -> None:
    """Wait until the emulator answers.

    Raises:
        CannotStart: It does not answer within a minute; the line names its log.
    """
    deadline = time.monotonic() + _START_SECONDS
    while not _healthy(running.port):
        if time.monotonic() > deadline:
            raise CannotStart(f"The AWS emulator does not answer on port {running.port}: see {log}.")
        time.sleep(0.02)


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=2)
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def _environment(port: int, state: Path, own: Mapping[str, str]) -> dict[str, str]:
    temporary = (state / TEMPORARY).resolve()
    return {name: own[name] for name in _INHERITED if name in own} | {
        "HOME": str(temporary),  # hides the user's ~/.aws from the functions
        "TMPDIR": str(temporary),
        "NO_PROXY": "localhost,127.0.0.1",
        "no_proxy": "localhost,127.0.0.1",
        "PYTHONUNBUFFERED": "1",
        "AUTH": "true",
        "BIND_HOST": ADDRESS,
        "GATEWAY_PORT": str(port),
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "MINISTACK_REGION": REGION,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }


def _stop(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin  # noqa: S101 - it was opened as a pipe
    child.stdin.close()  # the child then ends itself and its workers
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


@cache
def aws_client(url: str, service: str) -> Any:  # noqa: ANN401 - boto3's clients are made at run time
    """A boto3 client of one service of the emulator at this address, as the account's root."""
    return _client(url, service, ROOT_KEY, ROOT_KEY, None)


def _client(url: str, service: str, key_id: str, secret: str, token: str | None) -> Any:  # noqa: ANN401
    with _making_a_client:
        make_client: Any = _session().client
        return make_client(
            service,
            endpoint_url=url,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(
                connect_timeout=5, read_timeout=120, retries={"total_max_attempts": 1}, max_pool_connections=20
            ),
        )


@cache
def _session() -> boto3.session.Session:
    """One session for all clients, so that boto3 loads its service descriptions once."""
    return boto3.session.Session(region_name=REGION)
