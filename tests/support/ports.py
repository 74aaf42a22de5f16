"""Ports for the servers under test, below those that the system gives to outgoing connections: a port that is free now
must still be free when its server starts, or starts again.

Several processes of tests may run at once, those of one run and those of other runs on this machine. Each takes its
ports from blocks that it holds alone. It holds a block by being bound to the block's first port, so the system lets go
of it when the process ends, however that happens.
"""

from __future__ import annotations

import atexit
import random
import socket
from collections.abc import Iterator

from launcher import ports

#: Below the usual ephemeral range of Linux (32768 and up).
_RANGE = range(20_000, 32_000)
_BLOCK = 200


def free() -> int:
    """A loopback port that nobody uses, and that no other call is given: not in this process, and not in another one
    of these tests.

    Raises:
        RuntimeError: Other processes hold all ports.
    """
    return next(_ports)


def _every_port() -> Iterator[int]:
    blocks = list(_RANGE[::_BLOCK])
    # in an order of its own, so that a run does not begin with ports on which the last one's connections linger
    random.shuffle(blocks)
    for first in blocks:
        if _hold(first):
            yield from (
                port for port in range(first + 1, first + _BLOCK) if ports.is_free(ports.LOOPBACK, port)
            )
    raise RuntimeError(f"No port is left for the tests between {_RANGE.start} and {_RANGE.stop}.")


def _hold(first: int) -> bool:
    """Whether the block that begins there is this process's now."""
    holder = socket.socket()
    try:
        holder.bind((ports.LOOPBACK, first))
    except OSError:
        holder.close()
        return False
    atexit.register(holder.close)
    return True


_ports = _every_port()
