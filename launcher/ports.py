"""TCP ports."""

import errno
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"

_given: set[int] = set()


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now.

    Raises OSError if there is no such address on this machine.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        # As servers do: connections that linger from the last run do not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def unused() -> int:
    """A loopback port that is not in use, and that no earlier call of this process returned."""
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def kept(file: Path) -> int:
    """The loopback port noted in the file if it is still free, else another, noted there."""
    try:
        port = int(file.read_text())
        if is_free(LOOPBACK, port):
            return port
    except (FileNotFoundError, ValueError, OverflowError):
        pass
    port = unused()
    file.write_text(f"{port}\n")
    return port
