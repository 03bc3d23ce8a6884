"""The child process of the emulator. It runs as long as the twin holds the other end of its standard input.

The pipe closes however the twin ends, even by SIGKILL. This process then deletes the files and folders that its
arguments name, and ends itself and its Lambda workers.
"""

import http.client
import os
import shutil
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

_RESET_SECONDS = 5.0


def main() -> None:
    """Run the emulator; the arguments name what to delete at the end. The process must lead a group of its own."""
    doomed = [Path(name) for name in sys.argv[1:]]
    sys.argv = ["ministack"]
    threading.Thread(target=_end_with_the_twin, args=(doomed,), daemon=True).start()
    from ministack.app import main as run  # noqa: PLC0415 - slow; the thread that watches standard input must run first

    run()


def _end_with_the_twin(doomed: list[Path]) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    with suppress(OSError, http.client.HTTPException):
        _reset()
    for path in doomed:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    os.killpg(0, signal.SIGKILL)


def _reset() -> None:
    """Make the emulator stop and reap its workers.

    After a SIGKILL they would stay zombies in a container that has no init process.
    """
    port = int(os.environ["GATEWAY_PORT"])
    connection = http.client.HTTPConnection(os.environ["BIND_HOST"], port, timeout=_RESET_SECONDS)
    connection.request("POST", "/_ministack/reset")
    connection.getresponse().read()


if __name__ == "__main__":
    main()
