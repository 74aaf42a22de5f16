"""Ports for the servers under test, below those that the system gives to outgoing connections: a port that is free now
must still be free when its server starts, or starts again."""

from __future__ import annotations

import os
import random

from launcher import ports

#: Below the usual ephemeral range of Linux (32768 and up).
_RANGE = range(20_000, 32_000)
_taken: set[int] = set()
_random = random.Random(os.getpid())


def free() -> int:
    """A loopback port that nobody uses, and that no other call of this run is given."""
    while True:
        port = _random.choice(_RANGE)
        if port not in _taken and ports.is_free(ports.LOOPBACK, port):
            _taken.add(port)
            return port
