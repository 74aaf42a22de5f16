"""What script/archive and script/verify-log take of a long log, and how long a kill takes meanwhile:
``python -m tools.bench.long_log``. Apart from ``script/bench``, since it takes half an hour and ten gigabytes."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from launcher.errors import StartError
from launcher.programs import ROOT
from tools.bench import filling
from tools.bench.database import Database
from tools.bench.errors import BenchError
from tools.bench.http import Connection
from tools.bench.lab import Lab
from tools.bench.machine import describe
from tools.bench.pitboss import Pitboss
from tools.bench.series import quantile
from tools.bench.sizes import FULL

#: Between two kills, in seconds, and for how long they are sent while nothing else happens.
PAUSE_SEC, ALONE_SEC = 0.2, 30.0
#: Room on the disk for each command: in the table, its copy while it is written anew, the WAL and the files.
BYTES_EACH = 2_000

_SIZES = "SELECT count(*), pg_table_size('bot_command'), pg_indexes_size('bot_command') FROM bot_command"


class Program:
    """One of Pitboss's scripts, started as an operator starts it, with what it takes."""

    def __init__(self, pitboss: Pitboss, directory: Path, name: str, *arguments: str) -> None:
        self._name = name
        self._output = directory / f"{name}.out"
        self._began = time.perf_counter()
        with self._output.open("w") as output:
            self._process = subprocess.Popen(
                [str(ROOT / "script" / name), *arguments],
                env={"PATH": os.environ["PATH"], **pitboss.env},
                cwd=directory,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.took_sec = self.peak_mb = 0.0

    def is_running(self) -> bool:
        """Raises BenchError when it failed."""
        pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
        if not pid:
            return True
        self.took_sec = time.perf_counter() - self._began
        self.peak_mb = usage.ru_maxrss / 1024
        self._process.returncode = os.waitstatus_to_exitcode(status)
        if self._process.returncode:
            raise BenchError(f"script/{self._name} failed: {self.last_line()}")
        return False

    def last_line(self) -> str:
        return (self._output.read_text().splitlines() or [""])[-1]

    def end(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
            self._process.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.long_log", description=__doc__)
    parser.add_argument(
        "--commands", type=int, default=10_000_000, metavar="N", help="in the log, 10 s apart"
    )
    parser.add_argument(
        "--older-than", type=int, default=400, metavar="DAYS", help="what script/archive is told"
    )
    asked = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="pitboss-bench-", ignore_cleanup_errors=True) as place:
            directory = Path(place)
            if (free := shutil.disk_usage(place).free) < asked.commands * BYTES_EACH:
                raise BenchError(
                    f"{place} has {free / 1e9:.0f} GB left, too little for {asked.commands:,} commands."
                )
            with Lab(directory, FULL) as lab:
                print(
                    ", ".join(f"{name} {value}" for name, value in describe(lab.servers, directory).items())
                )
                _measure(lab, directory, asked.commands, asked.older_than)
    except (BenchError, StartError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted: everything was stopped.", file=sys.stderr)
        return 130
    return 0


def _measure(lab: Lab, directory: Path, count: int, days: int) -> None:
    pitboss, files = lab.pitboss, directory / "archive"
    began = time.perf_counter()
    filling.commands(pitboss.database, count, chained=True)
    _say(f"{count:,} commands were written in {time.perf_counter() - began:.0f} s")
    lab.crew.only(*pitboss.parts)
    _sizes(pitboss.database, "before")
    _kills(pitboss, "alone", _for(ALONE_SEC))
    _run(pitboss, directory, "verify-log")
    _run(pitboss, directory, "archive", "--older-than", str(days), "--to", str(files))
    written = [file.stat().st_size for file in files.iterdir()]
    _say(f"{len(written)} files, {sum(written) / 1e6:,.0f} MB")
    _sizes(pitboss.database, "after script/archive")
    _kills(pitboss, "alone, after it", _for(ALONE_SEC))
    _run(pitboss, directory, "verify-log")
    for statement in ("VACUUM bot_command", "VACUUM FULL bot_command"):
        began = time.perf_counter()
        pitboss.database.maintain(statement)
        _sizes(pitboss.database, f"after {statement} ({time.perf_counter() - began:.0f} s)")


def _run(pitboss: Pitboss, directory: Path, name: str, *arguments: str) -> None:
    program = Program(pitboss, directory, name, *arguments)
    try:
        _kills(pitboss, f"during script/{name}", program.is_running)
    finally:
        program.end()
    _say(f"script/{name}: {program.took_sec:.0f} s, {program.peak_mb:.0f} MB at most: {program.last_line()}")


def _for(seconds: float) -> Callable[[], bool]:
    until = time.monotonic() + seconds
    return lambda: time.monotonic() < until


def _kills(pitboss: Pitboss, when: str, goes_on: Callable[[], bool]) -> None:
    """Send a kill every PAUSE_SEC, and tell how long they took.

    Raises:
        BenchError: one was not applied at once.
    """
    request = pitboss.request("POST", "/kill")
    took = []
    while goes_on():
        began = time.perf_counter()
        with Connection(pitboss.port) as connection:
            answer = connection.ask(request)
        took.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise BenchError(f"A kill {when} was answered with {answer.status}: {answer.body.decode()}")
        time.sleep(PAUSE_SEC)
    p50, p99 = (quantile(took, share) for share in (0.5, 0.99))
    _say(f"{len(took)} kills {when}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {max(took):.1f} ms")


def _sizes(database: Database, when: str) -> None:
    ((rows, table, indexes),) = database.rows(_SIZES)
    _say(f"{when}: {rows:,} commands, table {table / 1e6:,.0f} MB, indexes {indexes / 1e6:,.0f} MB")


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
