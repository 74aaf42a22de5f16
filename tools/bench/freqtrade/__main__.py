"""`script/freqtrade` ends here."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from launcher.errors import StartError
from tools.bench import runner
from tools.bench.errors import BenchError
from tools.bench.freqtrade.program import Freqtrade
from tools.bench.http import compose
from tools.bench.lab import Lab
from tools.bench.measures.memory import memory
from tools.bench.part import Part
from tools.bench.row import Group, Row
from tools.bench.series import Series
from tools.bench.sizes import FULL, QUICK
from tools.bench.table import render

AGAINST = "freqtrade, dry-run"
_MIB = 1.048576  # megabytes


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 when everything was measured."""
    parser = argparse.ArgumentParser(prog="script/freqtrade", description=__doc__)
    parser.add_argument("python", type=Path, help="the Python that has freqtrade")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it works")
    asked = parser.parse_args(arguments)
    sizes = replace(QUICK if asked.quick else FULL, rounds=1 if asked.quick else 3)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with (
            tempfile.TemporaryDirectory(prefix="pitboss-bench-", ignore_cleanup_errors=True) as place,
            Lab(Path(place), sizes) as lab,
        ):
            other = Freqtrade(asked.python, lab.directory, lab.guard)
            rows = [*_starts(lab, other), *_commands(lab, other)]
            left = _after_a_crash(lab, other)
    except (BenchError, StartError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{render(rows)}\n")
    for what, state in left.items():
        print(f"after kill -9 of a {what} bot and its next start: {state}")
    return 0


def _starts(lab: Lab, other: Freqtrade) -> list[Row]:
    """All that each side starts, one side at a time: with nothing there yet, and again. What it takes of memory once it idles."""
    lab.crew.only(other.exchange)
    first, again = ([_start(lab, part) for part in (lab.everything, other.bot)] for _ in range(2))
    return [
        _row("first start, until the API answers", "s", *([took] for took, _ in first)),
        _row("start with what is there, until the API answers", "s", *([took] for took, _ in again)),
        _row("memory (PSS)", "MiB", *([used] for _, used in again)),
    ]


def _start(lab: Lab, part: Part) -> tuple[float, float]:
    """Seconds until it was ready, and its MiB when it idles."""
    try:
        began = part.start()
        part.wait_ready()
        took = time.perf_counter() - began
        part.settle()
        time.sleep(lab.sizes.idle_sec)
        return took, (memory(part.processes(), "pss") or 0.0) / _MIB
    finally:
        part.stop()


def _commands(lab: Lab, other: Freqtrade) -> list[Row]:
    pitboss, count = lab.pitboss, lab.sizes.requests
    lab.crew.only(*pitboss.parts, other.exchange, other.bot)
    pitboss.stop_bot()
    token = other.token()
    rows = []
    for what, method, ours, theirs in (
        ("start and stop in turn", "POST", ("/start", "/stop"), ("/start", "/stop")),
        ("which state the bot is in", "GET", ("/status",), ("/show_config",)),
    ):
        sides = {
            "ours": (pitboss.port, [pitboss.request(method, path) for path in ours]),
            "theirs": (other.port, [compose(method, f"/api/v1{path}", token=token) for path in theirs]),
        }
        done = lab.take_turns({side: partial(runner.run, *asked, count) for side, asked in sides.items()})
        rows += [
            _row(
                f"{what}, {name}",
                "ms",
                *([getattr(times, name) for times in done[side]] for side in ("ours", "theirs")),
            )
            for name in ("p50", "p99")
        ]
    return rows


def _after_a_crash(lab: Lab, other: Freqtrade) -> dict[str, str]:
    """In which state each bot was left, and is after kill -9 of all of its processes and the next start."""
    pitboss, found = lab.pitboss, {}
    for command, state in (("/stop", "stopped"), ("/start", "running")):
        lab.crew.only(*pitboss.parts, other.exchange, other.bot)
        if pitboss.state() != state:
            pitboss.command(command)
        other.ask("POST", command)
        was = (pitboss.state(), other.state())
        for part in (*pitboss.parts, other.bot):
            for process in part.processes():
                process.kill()
        lab.crew.only(other.exchange)
        lab.crew.only(*pitboss.parts, other.exchange, other.bot)
        found[state] = f"Pitboss {was[0]} → {pitboss.state()}, freqtrade {was[1]} → {other.state()}"
    return found


def _row(what: str, unit: str, ours: list[float], theirs: list[float]) -> Row:
    return Row(Group.MEMORY, "freqtrade", what, unit, Series.of(ours), Series.of(theirs), AGAINST)


if __name__ == "__main__":
    sys.exit(main())
