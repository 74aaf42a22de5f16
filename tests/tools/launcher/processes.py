"""What runs in a directory."""

import os
import time
from pathlib import Path

import psutil


def living_in(directory: Path) -> list[psutil.Process]:
    """Processes whose working directory lies there; dead ones that nobody has collected yet do not count."""
    found = []
    for process in psutil.process_iter():
        try:
            is_inside = Path(process.cwd()).is_relative_to(directory)
            if is_inside and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def wait_until_empty(directory: Path, timeout_sec: float) -> list[str]:
    """The command lines of those still there after the time."""
    deadline = time.monotonic() + timeout_sec
    while (left := living_in(directory)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [" ".join(process.cmdline()) for process in left if process.is_running()]
