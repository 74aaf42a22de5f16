"""Limits concurrency in total and per actor, so that no single actor takes all places."""

from __future__ import annotations

import threading
from collections import Counter


class Places:
    """*total* places, of which one actor gets at most *of_one*; the last *reserved* are for preferred actors."""

    def __init__(self, total: int, of_one: int, reserved: int = 0) -> None:
        self._total, self._of_one, self._reserved = total, of_one, reserved
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        with self._lock:
            return self._taken.total()

    def take(self, actor: str, *, preferred: bool = False) -> bool:
        """Take a place for *actor*, which has to be given back. Returns whether one was free."""
        with self._lock:
            free = self._total - self._taken.total() - (0 if preferred else self._reserved)
            if free <= 0 or self._taken[actor] >= self._of_one:
                return False
            self._taken[actor] += 1
            return True

    def give_back(self, actor: str) -> None:
        with self._lock:
            self._taken[actor] -= 1
            if not self._taken[actor]:
                del self._taken[actor]
