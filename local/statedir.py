"""Owns the folder of a running twin's files: private, locked by one twin, emptied when that twin ends."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.cannot_start import CannotStart

DEFAULT_STATE_DIR = Path(".local")
LOCK = "lock"
CREDENTIALS = "credentials.json"
EMULATOR_LOG = "emulator.log"
TEMPORARY = "tmp"
CALLERS = "callers"
_OURS = {LOCK, CREDENTIALS, EMULATOR_LOG, TEMPORARY, CALLERS}


@contextmanager
def state_dir(path: Path) -> Iterator[Path]:
    """Hold `path` (mode 0700) while the twin runs, after removing what a killed twin left in it.

    Raises:
        CannotStart: Another twin holds it, it contains files that are not a twin's, or it cannot be created.
    """
    created = _make(path)
    try:
        lock = _lock(path)
        try:
            _empty(path, keep=LOCK)
            (path / TEMPORARY).mkdir(mode=0o700)
            (path / CALLERS).mkdir(mode=0o700)
            yield path
        finally:
            _empty(path)
            os.close(lock)
    finally:
        if created and not any(path.iterdir()):
            path.rmdir()


def _make(path: Path) -> bool:
    try:
        path.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        _refuse_foreign_files(path)
        path.chmod(0o700)
        return False
    except OSError as error:
        raise CannotStart(f"The state folder {path} cannot be made: {error.strerror}.") from error
    return True


def _refuse_foreign_files(path: Path) -> None:
    if not path.is_dir():
        raise CannotStart(f"{path} is not a folder: choose another with --state-dir.")
    if strange := sorted(entry.name for entry in path.iterdir() if entry.name not in _OURS):
        raise CannotStart(f"{path} holds other files ({strange[0]}): choose an empty folder with --state-dir.")


def _lock(path: Path) -> int:
    while True:
        lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise CannotStart(f"Another twin runs in {path}: stop it, or choose another --state-dir.") from None
        if _is_still(lock, path / LOCK):
            return lock
        os.close(lock)  # the twin that held this lock has deleted its file since


def _is_still(lock: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(lock), path.stat())
    except FileNotFoundError:
        return False


def _empty(path: Path, keep: str | None = None) -> None:
    for name in sorted(_OURS - {keep}, key=lambda name: name == LOCK):  # the lock is deleted last
        target = path / name
        if target.is_dir():
            shutil.rmtree(target, ignore_errors=True)
        else:
            target.unlink(missing_ok=True)
