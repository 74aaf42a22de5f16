"""Lets the clients' commands flow around each fault: some before it, some while it lasts, some after."""

from __future__ import annotations

import threading


class Pacing:
    """A number of commands that clients may take."""

    def __init__(self) -> None:
        self._left = 0
        self._taken = 0
        self._closed = False
        self._changed = threading.Condition()

    @property
    def taken(self) -> int:
        return self._taken

    def release(self, count: int) -> None:
        with self._changed:
            self._left += count
            self._changed.notify_all()

    def take(self) -> bool:
        """Wait for permission to send one command; False if there are no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._left > 0 or self._closed)
            if self._left <= 0:
                return False
            self._left -= 1
            self._taken += 1
            return True

    def close(self) -> None:
        """No more after those that were released."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
