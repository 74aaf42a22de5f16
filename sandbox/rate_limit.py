"""Alpaca's rate limit: 200 calls a minute for each account.

https://alpaca.markets/support/usage-limit-api-calls: the counter is reset a minute after the first call it
counted, and every answer says in its headers how many calls are left and when that is.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

CALLS = 200
WINDOW_SEC = 60.0


class RateLimit:
    """Counts the calls of each key; nothing is rejected while ``enabled`` is false."""

    def __init__(self, *, enabled: bool, now: Callable[[], float] = time.time) -> None:
        self.enabled = enabled
        self._now = now
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[float, int]] = {}  # key: when it ends, calls so far

    def count(self, key: str) -> tuple[bool, dict[str, str]]:
        """Count one call: whether it is allowed, and the headers that its answer carries."""
        if not self.enabled:
            return True, {}
        with self._lock:
            now = self._now()
            ends, calls = self._windows.get(key, (0.0, 0))
            if now >= ends:
                ends, calls = now + WINDOW_SEC, 0
            calls += 1
            self._windows[key] = (ends, calls)
        return calls <= CALLS, headers(left=max(0, CALLS - calls), resets_at=ends)


def headers(*, left: int, resets_at: float) -> dict[str, str]:
    """The three headers; the reset is Unix time in seconds, rounded up so that waiting for it suffices."""
    return {
        "X-RateLimit-Limit": str(CALLS),
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": str(math.ceil(resets_at)),
    }
