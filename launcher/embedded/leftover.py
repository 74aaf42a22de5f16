"""Servers that outlived their owner."""

import os
import signal
from pathlib import Path

import psutil


def stop(pid_file: Path, program: str, directory: Path, by: signal.Signals) -> None:
    """Stops a server of this directory that a crash left running, so that two never write the same files.

    A pid file may be stale and its number may belong to a stranger by now, who is left alone. The file is removed.
    """
    process = _find(pid_file, program, directory)
    if process is not None:
        process.send_signal(by)
        try:
            process.wait(10)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(5)
    pid_file.unlink(missing_ok=True)


def _find(pid_file: Path, program: str, directory: Path) -> psutil.Process | None:
    try:
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        is_ours = process.name().startswith(program) and os.path.samefile(process.cwd(), directory)
    except (FileNotFoundError, ValueError, IndexError, psutil.Error):
        return None
    return process if is_ours else None
