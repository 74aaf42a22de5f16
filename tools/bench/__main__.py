"""`script/bench` ends here."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from launcher.errors import StartError
from tools.bench import history
from tools.bench.document import document
from tools.bench.errors import BenchError
from tools.bench.lab import Lab
from tools.bench.machine import describe
from tools.bench.measures import MEASURES, Measure
from tools.bench.row import Row
from tools.bench.sizes import FULL, QUICK
from tools.bench.table import render, render_comparison


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 when everything was measured, whether the targets are met or not; 1 when it was not."""
    asked = _parse(arguments)
    if asked.list:
        for measure in MEASURES:
            print(f"{measure.name:12}{measure.title}")
        return 0
    sizes = QUICK if asked.quick else FULL
    if asked.rounds is not None:
        sizes = replace(sizes, rounds=asked.rounds)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup means it
            signal.signal(number, _interrupt)
    began = time.monotonic()
    rows: list[Row] = []
    try:
        before, kept = ([] if file is None else history.read(file) for file in (asked.compare, asked.record))
        with tempfile.TemporaryDirectory(prefix="pitboss-bench-", ignore_cleanup_errors=True) as place:
            directory = Path(place)
            _say("starting the servers")
            with Lab(directory, sizes) as lab:
                machine = describe(lab.servers, directory)
                for measure in asked.only:
                    _say(f"measuring {measure.title} (after {time.monotonic() - began:.0f} s)")
                    rows += measure.run(lab)
                _say("stopping")
    except (BenchError, StartError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted: everything was stopped.", file=sys.stderr)
        return 130
    took = time.monotonic() - began
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    print(f"{sizes.rounds} rounds, {took:.0f} s; medians over the rounds\n")
    print(render(rows))
    if asked.compare is not None:
        print(f"\n{render_comparison(history.compare(rows, before))}")
    if asked.quick:
        print("\n--quick: this proves that the bench works. The figures mean nothing.")
    if asked.json is not None:
        content = document(rows, machine=machine, sizes=sizes, quick=asked.quick, took_sec=took)
        asked.json.write_text(json.dumps(content, indent=2) + "\n")
    if asked.record is not None:
        run = history.Run.of(rows, machine, datetime.now(UTC).date())
        history.write(asked.record, [*kept, run])
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/bench",
        description="Measures Pitboss against its baselines, both in the same run, on servers of their own.",
    )
    parser.add_argument("--json", type=_file, metavar="FILE", help="write every round's figures there, too")
    known: dict[str, Any] = {"nargs": "?", "type": _file, "const": history.HISTORY, "metavar": "FILE"}
    parser.add_argument(
        "--compare",
        help="say what is better or worse than in earlier runs (tools/bench/history.json)",
        **known,
    )
    parser.add_argument("--record", help="add this run to those", **known)
    parser.add_argument(
        "--rounds", type=_positive, metavar="N", help=f"how often each is measured ({FULL.rounds})"
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether the bench works")
    parser.add_argument("--only", type=_measures, default=MEASURES, metavar="NAME,…", help="some of it")
    parser.add_argument("--list", action="store_true", help="the names that --only takes")
    asked = parser.parse_args(arguments)
    if asked.quick and asked.record == history.HISTORY:
        parser.error("the figures of --quick mean nothing: name a FILE of your own to --record them")
    return asked


def _file(text: str) -> Path:
    file = Path(os.environ.get("BENCH_CALLED_FROM", "."), text)
    if not file.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no directory {file.parent}")
    return file


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number from 1 on")
    return int(text)


def _measures(text: str) -> tuple[Measure, ...]:
    names = [name.strip() for name in text.split(",")]
    if unknown := set(names) - {measure.name for measure in MEASURES}:
        raise argparse.ArgumentTypeError(f"there is no {', '.join(sorted(unknown))}; see --list")
    return tuple(measure for measure in MEASURES if measure.name in names)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(f"{text} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
