"""The repeated work of one process, which ends before the process does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from bot.runtime.periodic import Periodic


class Threads:
    """Several threads that repeat their work and are stopped together.

    A thread that goes on while Python takes its modules apart may fail in ways that nobody has to handle, and prints a stack trace.
    """

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._repeated: dict[str, Periodic] = {}
        self._wakers: list[Callable[[], None]] = []

    @property
    def are_stopping(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stopping.is_set()

    def repeat(
        self,
        name: str,
        seconds: float | Callable[[], float],
        work: Callable[[], object],
        *,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """Repeat *work* from now on (see ``Periodic``); nothing happens if there is a thread of this *name*.

        Args:
            name: the thread's name.
            seconds: the pause after each time, or who says how long it is.
            work: may raise anything.
            wake: lets *work* return that waits for something.
        """
        if name in self._repeated:
            return
        self._repeated[name] = Periodic(name, seconds, work, stopping=self._stopping)
        self._wakers.append(wake)
        self._repeated[name].start()

    def stop(self, seconds: float) -> bool:
        """Let all of them end what they have in hand, for at most *seconds* together; whether they have ended."""
        self._stopping.set()
        for wake in self._wakers:
            wake()
        deadline = time.monotonic() + seconds
        ended = [each.join(max(deadline - time.monotonic(), 0)) for each in self._repeated.values()]
        return all(ended)
