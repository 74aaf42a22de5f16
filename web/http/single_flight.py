"""Single-flight: concurrent callers share one read that starts after they called."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from bot.errors import DatabaseUnavailable

#: The longest wait for a read, in seconds: one that hangs must not block all of web's threads.
PATIENCE_SEC = 5.0

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Calls *read*, one call at a time. Callers that arrive while one runs share the result of the next: nobody gets a result that
    was read before the call."""

    def __init__(self, read: Callable[[], T], patience_sec: float = PATIENCE_SEC) -> None:
        self._read = read
        self._patience_sec = patience_sec
        self._reading = threading.Lock()
        self._joining = threading.Lock()
        self._next: Future[T] | None = None

    def __call__(self) -> T:
        """What *read* returns, or raises.

        Raises:
            DatabaseUnavailable: earlier reads hang.
        """
        result: Future[T] = Future()
        with self._joining:
            joined = self._next
            if joined is None:
                self._next = result
        if joined is not None:
            try:
                return joined.result(self._patience_sec)
            except TimeoutError:
                raise DatabaseUnavailable() from None
        in_time = self._reading.acquire(timeout=self._patience_sec)
        with self._joining:
            self._next = None  # later callers share the next read
        try:
            if not in_time:
                raise DatabaseUnavailable()
            result.set_result(self._read())
        except BaseException as error:
            result.set_exception(error)
            raise
        finally:
            if in_time:
                self._reading.release()
        return result.result()
