"""The process that cleans up after a launcher that was killed. It runs this file, and loads little more than Python itself."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress

TYPE_CHECKING = False  # typing's own would load it
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PATIENCE_SEC = 5.0


class Guard:
    """Stops all children if the launcher dies without doing so itself, as after a kill -9.

    A worker that nobody watches could go on trading, so it must not outlive its launcher. The guard is a tiny process
    that holds the other end of a pipe: the pipe closes with the launcher, however it ended. It also shares the
    launcher's lock, so that the next start waits for the cleaning.
    """

    def __init__(self, lock_fd: int | None = None, litter: Sequence[Path] = ()) -> None:
        """`litter` are files that must be gone when the launcher is."""
        import subprocess  # only the launcher needs it

        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, *map(str, litter)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=() if lock_fd is None else (lock_fd,),
            text=True,
        )

    def watch(self, pid: int, order: int, signals: Sequence[signal.Signals]) -> None:
        """From now on the process and its group die with the launcher, lower orders first."""
        self._tell(f"+ {pid} {int(order)} {','.join(str(int(number)) for number in signals)}")

    def forget(self, pid: int) -> None:
        """The process has ended; its number may soon be someone else's."""
        self._tell(f"- {pid}")

    def dismiss(self) -> None:
        """Everything has been stopped in good order."""
        assert self._process.stdin is not None  # noqa: S101 - opened above
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - opened above
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # someone killed the guard; the launcher still stops its children itself


def main(litter: Sequence[str]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watched: dict[int, tuple[int, list[int]]] = {}
    for line in sys.stdin:
        action, pid, *details = line.split()
        if action == "+":
            watched[int(pid)] = (int(details[0]), [int(number) for number in details[1].split(",")])
        else:
            watched.pop(int(pid), None)
    for order in sorted({order for order, _ in watched.values()}):
        _stop({pid: signals for pid, (its, signals) in watched.items() if its == order})
    for path in litter:
        with suppress(FileNotFoundError):
            os.unlink(path)


def _stop(signals_by_pid: dict[int, list[int]]) -> None:
    alive = set(signals_by_pid)
    for step in range(max(map(len, signals_by_pid.values()))):
        for pid in alive:
            signals = signals_by_pid[pid]
            _send(pid, signals[min(step, len(signals) - 1)])
        deadline = time.monotonic() + PATIENCE_SEC
        while alive and time.monotonic() < deadline:
            alive = set(filter(is_alive, alive))
            time.sleep(0.05)
    for pid in signals_by_pid:
        with suppress(OSError):
            os.killpg(pid, signal.SIGKILL)


def _send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def is_alive(pid: int) -> bool:
    """Whether the process runs. Dead ones that nobody collects, as in a container without an init, do not count."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as file:
            state = file.read().rpartition(")")[2].split()[0]
    except (ProcessLookupError, IndexError):
        return False
    except OSError:  # another account's, or no /proc on this system
        return True
    return state != "Z"


if __name__ == "__main__":
    main(sys.argv[1:])
