"""Keeps the parts running."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from launcher.console import Console
from launcher.process import Process, stop_all

FIRST_DELAY_SEC = 1.0
LONGEST_DELAY_SEC = 30.0
STEADY_SEC = 60.0  # who ran this long begins again with the first delay


@dataclass
class _Watched:
    process: Process
    started_at: float
    delay_sec: float = FIRST_DELAY_SEC
    due_at: float | None = None  # when to start again; None while it runs


class Supervisor:
    """Starts a part again after it ended by itself, each by itself: the others, and with them kill, stay reachable.

    The delay doubles from 1 s to 30 s, without an end: a part whose trouble passes comes back.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._watched: list[_Watched] = []

    def adopt(self, process: Process) -> None:
        """Watches a process from now on, and starts it if it is not running."""
        if not process.is_running:
            process.start()
        self._watched.append(_Watched(process, time.monotonic()))

    def ended(self) -> list[Process]:
        return [each.process for each in self._watched if not each.process.is_running]

    def check(self) -> None:
        """To be called several times a second."""
        now = time.monotonic()
        for each in self._watched:
            if each.process.is_running:
                continue
            if each.due_at is None:
                if now - each.started_at > STEADY_SEC:
                    each.delay_sec = FIRST_DELAY_SEC
                each.due_at = now + each.delay_sec
                self._console.say(
                    f"{each.process.name} ended unexpectedly ({describe(each.process.exit_code())}); "
                    f"it starts again in {each.delay_sec:.0f} s."
                )
            elif now >= each.due_at:
                self._start_again(each, now)

    def stop(self, is_hurried: Callable[[], bool]) -> None:
        """Stops all parts in order, kept servers last."""
        stop_all([each.process for each in self._watched], is_hurried)

    def _start_again(self, each: _Watched, now: float) -> None:
        each.delay_sec = min(each.delay_sec * 2, LONGEST_DELAY_SEC)
        each.started_at = now
        try:
            each.process.start()
        except OSError as error:  # no memory, no file handles: that may pass, too
            each.due_at = now + each.delay_sec
            self._console.say(
                f"{each.process.name} cannot be started ({error}); next try in {each.delay_sec:.0f} s."
            )
        else:
            each.due_at = None
            self._console.say(f"{each.process.name} started again.")


def describe(exit_code: int | None) -> str:
    """How a process ended, for people."""
    if exit_code is not None and exit_code < 0:
        return f"killed by {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"
