"""A time limit for work that has none of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

#: Name of the threads that work under a time limit.
THREAD = "deadline"

T = TypeVar("T")


def run_with_timeout(seconds: float, work: Callable[[], T]) -> T:
    """The result of *work*, or what it raised. Work that takes longer is left behind in its thread.

    Raises:
        TimeoutError: it is not done after so many seconds.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []

    def attempt() -> None:
        try:
            outcome.append(work())
        except BaseException as error:  # noqa: BLE001 - handed to the caller below
            failure.append(error)

    thread = threading.Thread(target=attempt, name=THREAD, daemon=True)
    thread.start()
    thread.join(seconds)
    if failure:
        raise failure[0]
    if not outcome:
        raise TimeoutError
    return outcome[0]
