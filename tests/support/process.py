"""A real process of the system under test. Only processes that were started here are ever touched, by their id."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from launcher.reaper import Guard
from tests.support import fork_server
from tests.support.fork_server import Forked
from tests.support.freezing import freeze

#: How long a process may take to end after SIGTERM, in seconds.
TERMINATE_SEC = 20.0


class Process:
    """One program with its children, in a process group of its own. It starts with ``start``."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        log: Path,
        guard: Guard | None = None,
    ) -> None:
        self.name = name
        self._command = list(command)
        self._env = dict(env)
        self._cwd = cwd
        self._log = log
        self._guard = guard
        self._popen: subprocess.Popen[bytes] | Forked | None = None
        self._log_from = 0

    def start(self) -> None:
        """Start it, for the first time or again. The log goes on in the same file."""
        if self.running:
            raise RuntimeError(f"{self.name} is running already")
        with self._log.open("ab") as log:
            self._log_from = log.tell()
            self._popen = fork_server.start(
                self._command, self._env, self._cwd, log.fileno()
            ) or subprocess.Popen(
                self._command,
                env=self._env,
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if self._guard is not None:
            self._guard.watch(self.pid, 0, [signal.SIGCONT, signal.SIGKILL])

    @property
    def pid(self) -> int:
        if self._popen is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._popen.pid

    @property
    def running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def exit_code(self) -> int | None:
        """How it ended, negative for a signal; None while it runs."""
        return None if self._popen is None else self._popen.poll()

    def children(self) -> list[int]:
        """Ids of its children: a Celery worker's pool, gunicorn's workers."""
        with suppress(psutil.NoSuchProcess):
            return [child.pid for child in psutil.Process(self.pid).children(recursive=True)]
        return []

    def kill(self) -> None:
        """kill -9, children included, as when a container dies."""
        self._signal_group(signal.SIGKILL)
        self._reap()

    def kill_parent(self) -> None:
        """kill -9 of the main process alone; its children have to notice."""
        os.kill(self.pid, signal.SIGKILL)
        self._reap()

    def kill_child(self) -> list[int]:
        """kill -9 of the children alone. Returns who they were."""
        children = self.children()
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return children

    def freeze(self) -> None:
        """Freeze all of it, which is its process group."""
        freeze([self.pid])  # first, so that it starts no further child
        freeze(filter(self._is_of_group, self.children()))

    def freeze_parent(self) -> None:
        """Freeze the main process alone."""
        freeze([self.pid])

    def freeze_child(self) -> list[int]:
        """Freeze the children alone. Returns who they are."""
        children = self.children()
        freeze(children)
        return children

    def thaw(self) -> None:
        """SIGCONT for all of it."""
        self._signal_group(signal.SIGCONT)

    def interrupt(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal to the main process and return at once."""
        os.kill(self.pid, number)

    def terminate(self) -> int:
        """SIGTERM, and wait for the end. Returns the exit code."""
        if self.running:
            self.interrupt()
        return self.wait(TERMINATE_SEC)

    def wait(self, seconds: float) -> int:
        """The exit code. Raises TimeoutExpired if it has not ended in time."""
        assert self._popen is not None
        code = self._popen.wait(seconds)
        self._forget()
        return code

    def close(self) -> None:
        """See to it that nothing of it is left."""
        if self._popen is None:
            return
        self._signal_group(signal.SIGKILL)
        if self.running:
            self._reap()

    def log(self, *, whole: bool = False) -> str:
        """What it wrote since its last start, or ever."""
        if not self._log.exists():
            return ""
        content = self._log.read_bytes()
        return (content if whole else content[self._log_from :]).decode(errors="replace")

    def _is_of_group(self, pid: int) -> bool:
        with suppress(ProcessLookupError):
            return os.getpgid(pid) == self.pid
        return False

    def _signal_group(self, number: signal.Signals) -> None:
        # a group that is gone, or of which only zombies of other parents are left
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _reap(self) -> None:
        assert self._popen is not None
        self._popen.wait(10)
        self._forget()

    def _forget(self) -> None:
        if self._guard is not None:
            self._guard.forget(self.pid)
