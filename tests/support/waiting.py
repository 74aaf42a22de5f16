"""Waiting for a condition, with a deadline, and with the evidence when it does not come true."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: How often the condition is looked at, in seconds.
POLL_SEC = 0.02
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
    while True:
        try:
            seen: object = (value := condition())
            if value:
                return value
        except Exception as error:  # noqa: BLE001 - shown below
            seen = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}\nlast seen: {seen!r}\n{evidence()}")
        time.sleep(POLL_SEC)
