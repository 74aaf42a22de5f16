"""Ends connections that wait for a Postgres that hangs.

Postgres itself enforces the time limits of statements, and if it is frozen, the kernel of its host still keeps the connection
alive. So the client needs a time limit of its own.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine, event

#: Between two checks, in seconds: while a connection is in use, and while none is.
LOOK_SEC, IDLE_LOOK_SEC = 0.1, 1.0

log = logging.getLogger(__name__)


class HangGuard:
    """Cuts connections that have been in use for too long. To the waiting code this is a broken connection."""

    def __init__(self, seconds: float, *engines: Engine) -> None:
        """*seconds* has to be longer than any legitimate use of a connection of *engines*."""
        self._seconds = seconds
        self._in_use: dict[int, tuple[float, Any]] = {}
        self._guard = threading.Lock()
        for engine in engines:
            event.listen(engine, "checkout", self._begin)
            event.listen(engine, "checkin", self._end)

    def pause_sec(self) -> float:
        """How long to wait until the next check. A use that begins in the longer pause is not overdue at its end."""
        return LOOK_SEC if self._in_use else IDLE_LOOK_SEC

    def check(self) -> None:
        """Cut those that are overdue."""
        limit = time.monotonic() - self._seconds
        with self._guard:
            hanging = [key for key, (since, _) in self._in_use.items() if since < limit]
            for key in hanging:
                _cut(self._in_use.pop(key)[1])
        if hanging:
            log.error("Postgres did not answer for %s s: %s connection(s) cut", self._seconds, len(hanging))

    def _begin(self, connection: Any, record: Any, proxy: Any) -> None:
        with self._guard:
            self._in_use[id(record)] = (time.monotonic(), connection)

    def _end(self, connection: Any, record: Any) -> None:
        with self._guard:
            self._in_use.pop(id(record), None)


def _cut(connection: Any) -> None:
    """Shut the socket down below libpq, which waits in another thread and notices."""
    # it may be being closed at this moment
    with suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)
