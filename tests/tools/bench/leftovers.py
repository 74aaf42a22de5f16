"""What a run of the bench left behind."""

import os
import time

import psutil


def wait_until_gone(place: str, timeout_sec: float) -> list[str]:
    """The command lines of those that still belong to a run in the directory *place* after the time."""
    deadline = time.monotonic() + timeout_sec
    while (left := _of_run(place)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _of_run(place: str) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            # parts are told the directory by one variable or another, also those that work elsewhere
            if process.pid != os.getpid() and any(place in value for value in process.environ().values()):
                found.append(" ".join(process.cmdline()) or process.name())
        except (psutil.Error, OSError):
            continue
    return found
