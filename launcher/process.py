"""A program that runs as a child."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import accumulate
from pathlib import Path
from typing import IO

from launcher.console import Console
from launcher.reaper import Guard


class StopOrder(IntEnum):
    """Which programs stop first: each one stops before the servers that it writes to."""

    APPLICATION = 0  # web, worker, beat, Flower
    SANDBOX = 1
    QUEUE = 2
    DATABASE = 3


@dataclass(frozen=True)
class StopStep:
    """A signal, and how long it may take to work before the next step; the last one must work."""

    signal: signal.Signals
    patience_sec: float


@dataclass(frozen=True)
class Account:
    """A user of the operating system with its first group, and no other."""

    user_id: int
    group_id: int


@dataclass
class Process:
    """One program in a session of its own, so that a Ctrl-C in the terminal reaches only the launcher.

    `start` may be called again once the program has ended.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    account: Account | None = None  # to run under, if not this one
    log: Path | None = None  # takes the output instead of the console
    stop_order: StopOrder = StopOrder.APPLICATION
    stop_steps: Sequence[StopStep] = (StopStep(signal.SIGTERM, 8), StopStep(signal.SIGKILL, 0))
    guard: Guard | None = None
    console: Console | None = None
    _child: "subprocess.Popen[str] | None" = field(default=None, init=False, repr=False)

    @property
    def pid(self) -> int:
        if self._child is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._child.pid

    def start(self) -> None:
        if self.is_running:
            raise RuntimeError(f"{self.name} is running already")
        with self._output() as output:
            self._child = subprocess.Popen(
                self.command,
                env=self.env,
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=None if self.account is None else self.account.user_id,
                group=None if self.account is None else self.account.group_id,
                extra_groups=None if self.account is None else [],
                encoding="utf-8",
                errors="replace",
            )
        if self.guard is not None:
            self.guard.watch(self.pid, self.stop_order, [step.signal for step in self.stop_steps])
        if self._child.stdout is not None:
            threading.Thread(target=self._relay, args=(self._child.stdout,), daemon=True).start()

    @property
    def is_running(self) -> bool:
        return self._child is not None and self.exit_code() is None

    def exit_code(self) -> int | None:
        """How the program ended, negative for a signal; None while it runs."""
        if self._child is None:
            return None
        was_running = self._child.returncode is None
        code = self._child.poll()
        if was_running and code is not None:
            self._sweep_up()
        return code

    def send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            if self.is_running:
                os.kill(self.pid, number)

    def kill_group(self) -> None:
        """Ends the program and all its children at once."""
        with suppress(ProcessLookupError, PermissionError):
            if self.is_running:
                os.killpg(self.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Asks, then insists; returns when the program has ended."""
        stop_all([self])

    def wait(self, timeout_sec: float) -> bool:
        """Whether the program ended within the time."""
        deadline = time.monotonic() + timeout_sec
        while self.is_running:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _output(self) -> "_Output":
        if self.log is not None:
            return _Output(self.log.open("a"))
        return _Output(None if self.console is not None else subprocess.DEVNULL)

    def _relay(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                if self.console is not None and line.strip():
                    self.console.line(self.name, line.rstrip())

    def _sweep_up(self) -> None:
        """The program has ended; what it left behind in its group must not live on without it."""
        # Nothing may be left; macOS answers PermissionError for a group of zombies.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        if self.guard is not None:
            self.guard.forget(self.pid)


class _Output:
    """Where a child writes: a log file (closed here once the child has it), a pipe, or nowhere."""

    def __init__(self, target: IO[str] | int | None) -> None:
        self._target = target

    def __enter__(self) -> IO[str] | int:
        return subprocess.PIPE if self._target is None else self._target

    def __exit__(self, *_: object) -> None:
        if self._target is not None and not isinstance(self._target, int):
            self._target.close()


def stop_all(processes: Sequence[Process], is_hurried: Callable[[], bool] = lambda: False) -> None:
    """Stops processes in their order, those of one order together.

    Once `is_hurried`, the application and the sandbox are killed instead of asked: their state is in the database.
    The servers that keep data always get their time.
    """
    for order in StopOrder:
        _stop_together(
            [each for each in processes if each.stop_order is order and each.is_running], is_hurried
        )


def _stop_together(processes: Sequence[Process], is_hurried: Callable[[], bool]) -> None:
    started = time.monotonic()
    taken = [0] * len(processes)  # how many of its stop steps each was told
    while any(each.is_running for each in processes):
        elapsed = time.monotonic() - started
        for number, each in enumerate(processes):
            may_be_hurried = each.stop_order <= StopOrder.SANDBOX
            due = _steps_due(each.stop_steps, elapsed, may_be_hurried and is_hurried())
            for step in each.stop_steps[taken[number] : due]:
                each.kill_group() if step.signal == signal.SIGKILL else each.send(step.signal)
            taken[number] = max(taken[number], due)
        time.sleep(0.02)


def _steps_due(steps: Sequence[StopStep], elapsed_sec: float, is_hurried: bool) -> int:
    if is_hurried:
        return len(steps)
    starts = accumulate((step.patience_sec for step in steps), initial=0.0)
    return sum(start <= elapsed_sec for start in list(starts)[:-1])
