"""Checks before anything starts that the ports asked for are free."""

import errno
import socket
from collections.abc import Mapping

from local.cannot_start import CannotStart

ADDRESS = "127.0.0.1"


def require_free(wanted: Mapping[str, int]) -> None:
    """Check every port in `wanted`, a mapping of flags to ports.

    Raises:
        CannotStart: With one line for each port that is in use, or asked for twice.
    """
    faults = []
    for flag, port in wanted.items():
        if clash := [other for other, its_port in wanted.items() if its_port == port and other < flag]:
            faults.append(f"{flag} and {clash[0]} are both {port}: give each a port of its own.")
        elif fault := _fault(port):
            faults.append(f"Port {port} {fault}: stop what uses it, or choose another with {flag}.")
    if faults:
        raise CannotStart(*faults)


def _fault(port: int) -> str | None:
    # A browser may resolve "localhost" to ::1: another server there would get the twin's visitors.
    for family, address in ((socket.AF_INET, ADDRESS), (socket.AF_INET6, "::1")):
        with socket.socket(family) as probe:
            probe.settimeout(1)
            if probe.connect_ex((address, port)) == 0:
                return "is in use"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except PermissionError:
            return "needs more rights than this user has"
        except OSError as error:
            return "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
    return None
