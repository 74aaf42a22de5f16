"""Slows down whoever guesses tokens: so many failures from one address in a minute, then it has to wait.

The count is kept in the memory of each web process, so with two processes the limit is up to twice as high. It is not
kept in Redis: a Redis that is down must not decide who can reach the kill switch. For the same reason an actor who was
let in from an address before is never locked out of it by somebody else's failures there: behind a proxy, or on one
machine, a forgotten script with an old token must not keep the operator out.

Nor is anybody whose token is right kept from what is *urgent*: halting and pausing the bot, and the login that leads there. A guesser can learn from that whether a
token is right, as often as he likes: so it is for operators only, every time stands in the log, and a token that was
drawn at random cannot be found like that either. A kill that does not arrive is worse.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import TypeVar

log = logging.getLogger(__name__)

K = TypeVar("K")
V = TypeVar("V")

#: Failures from one address, in one process, within WINDOW_SEC, after which it has to wait.
MOST_FAILURES = 30
WINDOW_SEC = 60.0
#: Addresses that are remembered, the latest; more would be a way to fill the memory.
MOST_ADDRESSES = 10_000


class TooManyFailures(Exception):
    """Too many wrong tokens came from this address."""

    def __init__(self, wait_sec: float) -> None:
        super().__init__("Too many wrong tokens came from your address; wait a moment.")
        self.wait_sec = wait_sec


class Attempts:
    """Counts failures by address."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock = threading.Lock()

    def judge(self, address: str, actor: str | None, *, urgent: bool = False) -> bool:
        """Count one attempt from *address* that turned out to be of *actor*, None for a wrong token. Returns whether the address has
        to wait from now on.

        Raises:
            TooManyFailures: the attempt does not count, whatever it was.
        """
        with self._lock:
            wait = self._wait_sec(address)
            if wait > 0 and (actor is None or (address, actor) not in self._known):
                if actor is None or not urgent:
                    raise TooManyFailures(wait)
                log.warning("%s was let in in spite of too many wrong tokens from %s", actor, address)
            if actor is None:
                self._failures.setdefault(address, deque(maxlen=MOST_FAILURES)).append(self._clock())
                _keep_latest(self._failures, address)
                return self._wait_sec(address) > 0
            self._known[address, actor] = None
            _keep_latest(self._known, (address, actor))
            return False

    def _wait_sec(self, address: str) -> float:
        times = self._failures.get(address)
        if times is None or len(times) < MOST_FAILURES:
            return 0.0
        return times[0] + WINDOW_SEC - self._clock()


def _keep_latest(kept: OrderedDict[K, V], key: K) -> None:
    kept.move_to_end(key)
    while len(kept) > MOST_ADDRESSES:
        kept.popitem(last=False)
