"""One running Pitboss per data directory."""

import fcntl
import os
import time
from pathlib import Path

from launcher.errors import StartError
from launcher.reaper import is_alive

CLEANING_TIMEOUT_SEC = 20.0


class Instance:
    """The right to use a data directory, held as long as this process, or the guard it started, lives."""

    def __init__(self, data_dir: Path) -> None:
        """Raises StartError when another process holds it."""
        self._file = (data_dir / "lock").open("a+")
        self.fd = self._file.fileno()
        deadline = time.monotonic() + CLEANING_TIMEOUT_SEC
        while not self._take():
            holder = self._holder()
            # Of a launcher that was killed only the guard is left, and not for long.
            if holder is None or is_alive(holder) or time.monotonic() > deadline:
                raise StartError(
                    f"Pitboss already runs on {data_dir}{f' (process {holder})' if holder else ''}: "
                    "stop it first, or set DATA_DIR to another directory."
                )
            time.sleep(0.1)
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def release(self) -> None:
        self._file.truncate(0)
        self._file.close()

    def _take(self) -> bool:
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> int | None:
        self._file.seek(0)
        text = self._file.read().strip()
        return int(text) if text.isdigit() else None
