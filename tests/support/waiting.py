"""Waiting for a condition, with a deadline, and with the evidence when it does not come true."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: How soon the condition is looked at again, in seconds: at once where little is waited for, then each time a bit later. To look
#: costs as much as what is waited for, and would slow it down.
FIRST_SEC, MOST_SEC, GROWTH = 0.01, 0.05, 1.3
#: No deadline is shorter than this, in seconds: a machine with other work to do may stand still for some. How quick
#: something is, is for the benchmark to say.
LEAST_SEC = 15.0


def wait_for(
    condition: Callable[[], T],
    seconds: float,
    what: str,
    *,
    evidence: Callable[[], str] = lambda: "",
) -> T:
    """The first truthy value of *condition*. An exception in it counts as not yet.

    Raises AssertionError after *seconds*, or LEAST_SEC if that is longer, with the last value or exception seen, and
    *evidence*.
    """
    seconds = max(seconds, LEAST_SEC)
    deadline = time.monotonic() + seconds
    pause = FIRST_SEC
    while True:
        try:
            seen: object = (value := condition())
            if value:
                return value
        except Exception as error:  # noqa: BLE001 - shown below
            seen = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}\nlast seen: {seen!r}\n{evidence()}")
        time.sleep(pause)
        pause = min(pause * GROWTH, MOST_SEC)
