"""One program under measurement, with its children."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from launcher.process import Process, StopStep
from launcher.programs import ROOT
from launcher.reaper import Guard
from tools.bench.errors import BenchError
from tools.bench.http import Connection, compose

START_SEC = 60.0
#: How often it is looked whether a part is ready, in seconds.
POLL_SEC = 0.005
#: A part has settled when it uses less than this share of a core over SETTLE_SEC.
SETTLED_SHARE = 0.1
SETTLE_SEC = 0.25
SETTLE_WITHIN_SEC = 15.0
LAST_LINES = 15


class Part:
    """Starts a Python module as a process of its own, as often as it is needed."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        directory: Path,
        guard: Guard,
        is_ready: Callable[[], bool],
        before_start: Callable[[], object] = lambda: None,
        python: Path | None = None,
    ) -> None:
        """*before_start* prepares what *is_ready* looks at; *python* is another than this one, where it has to
        be."""
        self.name = name
        self._log = directory / f"{name}.log"
        self._is_ready = is_ready
        self._before_start = before_start
        self._process = Process(
            name=name,
            command=[str(python or sys.executable), "-m", *arguments],
            env={
                "PATH": os.environ["PATH"],
                "HOME": os.environ.get("HOME", "/"),
                "PYTHONUNBUFFERED": "1",
                "BENCH_DIRECTORY": str(directory),  # shows whose it is
                **env,
            },
            cwd=ROOT,
            log=self._log,
            stop_steps=(StopStep(signal.SIGTERM, 15), StopStep(signal.SIGKILL, 0)),
            guard=guard,
        )

    @property
    def is_running(self) -> bool:
        return self._process.is_running

    @property
    def process(self) -> Process:
        return self._process

    def start(self) -> float:
        """Start it and return at once, with the moment (``time.perf_counter``) just before."""
        self._before_start()
        began = time.perf_counter()
        self._process.start()
        return began

    def wait_ready(self) -> None:
        """Raises BenchError, with its last lines, when it ends or is not ready in time."""
        deadline = time.monotonic() + START_SEC
        while not self._is_ready():
            if not self.is_running:
                raise BenchError(f"{self.name} ended during its start.\n{self.last_lines()}")
            if time.monotonic() > deadline:
                raise BenchError(f"{self.name} was not ready within {START_SEC:.0f} s.\n{self.last_lines()}")
            time.sleep(POLL_SEC)

    def settle(self) -> None:
        """Wait until it idles: of gunicorn's two processes one answers before the other is there."""
        deadline = time.monotonic() + SETTLE_WITHIN_SEC
        while time.monotonic() < deadline:
            before = self.cpu_sec()
            time.sleep(SETTLE_SEC)
            if self.cpu_sec() - before < SETTLED_SHARE * SETTLE_SEC:
                return

    def stop(self) -> None:
        self._process.stop()

    def processes(self) -> list[psutil.Process]:
        """Itself and its children."""
        try:
            parent = psutil.Process(self._process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def cpu_sec(self) -> float:
        """Processor time that it and its present children have used, in seconds."""
        used = 0.0
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used += times.user + times.system
        return used

    def last_lines(self) -> str:
        if not self._log.exists():
            return ""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-LAST_LINES:])


def answers(port: int, path: str) -> Callable[[], bool]:
    """Whether a web server on *port* answers *path* with 200."""
    request = compose("GET", path)

    def ask() -> bool:
        try:
            with Connection(port) as connection:
                return connection.ask(request).status == 200
        except (OSError, BenchError):
            return False

    return ask
