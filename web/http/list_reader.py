"""Reads lists on its own connections, a few at a time, so that many requests for lists leave connections for commands."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session

from bot.errors import PitbossError
from bot.storage.database import Database

#: The most lists that one process reads at once.
MOST_AT_ONCE = 4
#: How long a request waits for its turn, in seconds, and how many requests may wait; each holds a thread.
WAIT_SEC = 1.0
MOST_WAITING = 12
#: The longest time that reading a list may take, in milliseconds.
STATEMENT_TIMEOUT_MS = 3_000

T = TypeVar("T")


class ListsBusy(PitbossError):
    """Too many lists are being read at the moment. Try again in a moment."""

    code = "lists_busy"


class ListReader:
    """Runs reads of lists, MOST_AT_ONCE at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns = threading.Semaphore(MOST_AT_ONCE)
        self._queue = threading.Semaphore(MOST_WAITING)

    def read(self, work: Callable[[Session], T]) -> T:
        """The result of *work*.

        Raises:
            ListsBusy: its turn did not come within WAIT_SEC.
            StatementTimedOut: it took longer than STATEMENT_TIMEOUT_MS. DatabaseUnavailable: Postgres cannot be reached.
        """
        if not self._turns.acquire(blocking=False) and not self._wait():
            raise ListsBusy()
        try:
            return self._database.read(work)
        finally:
            self._turns.release()

    def _wait(self) -> bool:
        if not self._queue.acquire(blocking=False):
            return False
        try:
            return self._turns.acquire(timeout=WAIT_SEC)
        finally:
            self._queue.release()
