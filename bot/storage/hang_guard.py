"""Ends what waits for a Postgres that hangs.

Every time limit of a statement is kept by Postgres itself, and the kernel of a host whose Postgres is frozen goes on answering for
it. So a client that wants an answer has to have a clock of its own.
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
LOOK_SEC, IDLE_LOOK_SEC = 0.25, 1.0

log = logging.getLogger(__name__)


class HangGuard:
    """Cuts connections that were in use for too long. Whoever waits is told that the connection broke."""

    def __init__(self, seconds: float, *engines: Engine) -> None:
        """*seconds* has to be more than any use of a connection of *engines* takes."""
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
    """Below libpq, which waits in another thread and notices."""
    # it may be closed at this very moment
    with suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)
