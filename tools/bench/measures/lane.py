"""A kill alone, and beside everything that could keep it out: a backlog, list readers, waiting requests, slow clients, event
streams, and for a manual one, reconciliations at a slow broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from launcher.programs import ROOT
from tools.bench import filling
from tools.bench.database import Database
from tools.bench.errors import BenchError
from tools.bench.http import Connection
from tools.bench.lab import Lab
from tools.bench.loads import Load
from tools.bench.pitboss import KEY, Pitboss
from tools.bench.row import Group, Row, at_most
from tools.bench.series import Series, quantile

#: A load has this long to take hold, in seconds.
TAKES_HOLD_SEC = 3.0
#: One load is measured no longer, in seconds.
LONGEST_SEC = 40.0
#: Between two kills, in seconds.
PAUSE_SEC = 0.1
#: A manual kill that is not applied by then is given up, in seconds.
MANUAL_SEC = 90.0
SLOW_BROKER_SEC = 4.0

_BACKLOG = """
INSERT INTO bot_command (id, kind, actor, source) SELECT gen_random_uuid(), 'reconcile', 'bench', 'api'
FROM generate_series(1, %s)
"""
_END_BACKLOG = """
UPDATE bot_command SET status = 'rejected', finished_at = clock_timestamp(), error_code = 'bench' WHERE status = 'queued'
"""
_MANUAL = """
import time
from worker import app
for _ in range(5):
    app.send_task("bot.reconcile")
time.sleep(1)
print(time.time(), app.send_task("bot.kill").id)
"""


def run(lab: Lab) -> list[Row]:
    pitboss, sizes = lab.pitboss, lab.sizes
    lab.crew.only(pitboss.web, pitboss.worker)
    loads: dict[str, Callable[[], AbstractContextManager[object]]] = {
        "alone": nullcontext,
        f"beside {sizes.slow_clients} clients that send half a request to /login": lambda: _slow(
            pitboss, sizes.slow_clients
        ),
        f"beside {sizes.many_streams} event streams": lambda: _streams(pitboss, sizes.many_streams),
        f"beside {sizes.waiting} waiting requests, worker frozen": lambda: _waiting(pitboss, sizes.waiting),
        f"beside {sizes.backlog:,} pending commands, worker frozen": lambda: _backlog(pitboss, sizes.backlog),
        f"beside {sizes.readers} list readers over {sizes.listed:,} commands": lambda: _readers(
            pitboss, sizes.readers, sizes.listed
        ),
    }
    rows = []
    alone: list[float] = []
    for name, load in loads.items():
        with load():
            time.sleep(TAKES_HOLD_SEC if alone else 0)
            times, failed = _kills(pitboss, sizes.kills)
        rows += _rows(name, times, failed, alone)
        alone = alone or times
    return rows + _manual(lab, pitboss)


def _rows(name: str, times: list[float], failed: int, alone: list[float]) -> list[Row]:
    """How long the kills took, each beside those of *alone*, if there are any."""
    count = len(times)
    note = f"; {failed} of {count} not applied at once" if failed else ""
    return [
        Row(
            Group.LANE,
            "lane",
            f"kill {name}, {what}{more}",
            "ms",
            ours=Series.of([quantile(times, share)]),
            baseline=Series.of([quantile(alone, share)]) if alone else None,
            against="kill alone" if alone else None,
            target=target if alone else None,
        )
        for what, share, more, target in (("p50", 0.5, "", None), ("p99", 0.99, note, at_most(3.0)))
    ]


def _kills(pitboss: Pitboss, count: int) -> tuple[list[float], int]:
    """How long each of *count* kills took, in milliseconds, and how many were not answered with 200. The answer counts, whatever
    it is, and a time-out for what it took."""
    times: list[float] = []
    failed = 0
    began = time.monotonic()
    request = pitboss.request("POST", "/kill")
    while len(times) < count and time.monotonic() - began < LONGEST_SEC:
        sent = time.perf_counter()
        try:
            with Connection(pitboss.port) as connection:
                failed += connection.ask(request).status != 200
        except OSError:
            failed += 1
        times.append((time.perf_counter() - sent) * 1000)
        time.sleep(PAUSE_SEC)
    return times, failed


def _slow(pitboss: Pitboss, count: int) -> Load:
    half = (
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 50\r\n\r\ntoken="
    )
    return Load(pitboss.port, half, count, partly=True)


def _streams(pitboss: Pitboss, count: int) -> Load:
    return Load(pitboss.port, pitboss.request("GET", "/events"), count, partly=True)


@contextmanager
def _waiting(pitboss: Pitboss, count: int) -> Iterator[None]:
    request = pitboss.request("POST", "/reconcile").replace(b"\r\n\r\n", b"\r\nPrefer: wait=10\r\n\r\n", 1)
    with _frozen_worker(pitboss), Load(pitboss.port, request, count):
        yield
    pitboss.database.execute(_END_BACKLOG)


@contextmanager
def _backlog(pitboss: Pitboss, count: int) -> Iterator[None]:
    with _frozen_worker(pitboss):
        pitboss.database.fill((_BACKLOG, [count]))
        pitboss.database.tidy()
        try:
            yield
        finally:
            pitboss.database.fill((_END_BACKLOG, ()))
            pitboss.database.tidy()


@contextmanager
def _readers(pitboss: Pitboss, count: int, listed: int) -> Iterator[None]:
    pitboss.stop_bot()
    filling.commands(pitboss.database, listed)
    with Load(pitboss.port, pitboss.request("GET", "/commands?actor=nobody&limit=200"), count):
        yield


@contextmanager
def _frozen_worker(pitboss: Pitboss) -> Iterator[None]:
    pid = pitboss.worker.process.pid
    os.killpg(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(pid, signal.SIGCONT)


def _manual(lab: Lab, pitboss: Pitboss) -> list[Row]:
    """From the moment a manual kill is sent, behind five manual reconciliations, until it is applied."""
    lab.sandbox.slow_down(KEY, SLOW_BROKER_SEC)
    try:
        took = [_manual_kill(pitboss) for _ in range(lab.sizes.manual_kills)]
    finally:
        lab.sandbox.slow_down(KEY, None)
    return _rows(
        f"manual, behind five manual reconciliations at a broker that takes {SLOW_BROKER_SEC:.0f} s",
        took,
        0,
        [],
    )


def _manual_kill(pitboss: Pitboss) -> float:
    sent = subprocess.run(
        [sys.executable, "-c", _MANUAL],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **pitboss.env},
        capture_output=True,
        text=True,
        check=True,
    )
    sent_at, command_id = sent.stdout.split()
    finished = "SELECT extract(epoch FROM finished_at) FROM bot_command WHERE id::text = %s"
    deadline = time.monotonic() + MANUAL_SEC
    while time.monotonic() < deadline:
        if (rows := pitboss.database.rows(finished, [command_id])) and rows[0][0] is not None:
            _wait_until_idle(pitboss.database)
            return (float(rows[0][0]) - float(sent_at)) * 1000
        time.sleep(0.05)
    raise BenchError(f"A manual kill was not applied within {MANUAL_SEC:.0f} s.")


def _wait_until_idle(database: Database) -> None:
    deadline = time.monotonic() + MANUAL_SEC
    while database.value("SELECT count(*) FROM bot_command WHERE status = 'queued'"):
        if time.monotonic() > deadline:
            raise BenchError("The reconciliations were not finished.")
        time.sleep(0.2)
    time.sleep(1)
