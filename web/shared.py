"""One answer for all who ask at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Calls *read*, one call at a time. Whoever asks while one runs gets the next one's result, together with all others
    who wait for it: nobody gets what was read before he asked."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._reading = threading.Lock()
        self._joining = threading.Lock()
        self._next: Future[T] | None = None

    def __call__(self) -> T:
        """What *read* returns, or raises."""
        result: Future[T] = Future()
        with self._joining:
            joined = self._next
            if joined is None:
                self._next = result
        if joined is not None:
            return joined.result()
        with self._reading:
            with self._joining:
                self._next = None  # whoever comes now has come too late for this one
            try:
                result.set_result(self._read())
            except BaseException as error:
                result.set_exception(error)
                raise
        return result.result()
