"""All of `script/server` without the demo, idle: what each program takes of memory, and of a processor.

The baseline is what the same measurement gave for the build before this one was made leaner (commit 288e213), on the machine of
docs/proofs/performance.md: memory hardly depends on the machine, processor time does.

A process that ended while it was watched, such as one of PostgreSQL's, takes the time that it used with it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress

import psutil

from tools.bench.lab import Lab
from tools.bench.measures.memory import memory
from tools.bench.part import Part
from tools.bench.row import Group, Row, at_most
from tools.bench.series import Series

BEFORE = "this build before (288e213)"
BEFORE_MIB, BEFORE_IDLE_PERCENT = 703.0, 2.09

#: What a command line has in it, for each program; the first that fits counts.
_PROGRAMS = {
    "web": ("gunicorn",),
    "beat": ("-m worker beat",),
    "Flower": ("-m worker flower",),
    "worker": ("-m worker worker",),
    "sandbox": ("sandbox",),
    "Valkey": ("valkey",),
    "launcher": ("python", "launcher"),
    "PostgreSQL": ("postgres",),
}
_MIB = 1.048576  # megabytes


def run(lab: Lab) -> list[Row]:
    lab.crew.only()
    part = lab.everything
    lab.crew.only(part)
    part.settle()
    time.sleep(lab.sizes.stack_rest_sec)
    before, began = _cpu_sec(part), time.monotonic()
    time.sleep(lab.sizes.stack_idle_sec)
    passed = time.monotonic() - began
    used = {name: (sec - before.get(name, sec)) / passed * 100 for name, sec in _cpu_sec(part).items()}
    programs = by_program(part.processes())
    mib = {name: (memory(processes, "pss") or 0.0) / _MIB for name, processes in programs.items()}
    lab.crew.only()

    def row(what: str, unit: str, value: float) -> Row:
        return Row(Group.MEMORY, "stack", what, unit, Series.of([value]))

    idle = used.get("web", 0.0) + used.get("worker", 0.0)
    rows = [
        _target("memory (PSS) of all of script/server", "MiB", sum(mib.values()), BEFORE_MIB, 0.65),
        _target("processor while idle, web + worker", "% of a core", idle, BEFORE_IDLE_PERCENT, 0.4),
    ]
    for name, processes in programs.items():
        count = f"{len(processes)} process{'es' if len(processes) > 1 else ''}"
        rows += [
            row(f"{name}, pss ({count})", "MiB", mib[name]),
            row(f"{name}, processor while idle", "% of a core", used[name]),
        ]
    return rows


def _target(what: str, unit: str, ours: float, before: float, ratio: float) -> Row:
    baseline = Series.of([before])
    return Row(Group.TARGETS, "stack", what, unit, Series.of([ours]), baseline, BEFORE, target=at_most(ratio))


def _cpu_sec(part: Part) -> dict[str, float]:
    used: dict[str, float] = {}
    for name, processes in by_program(part.processes()).items():
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used[name] = used.get(name, 0.0) + times.user + times.system
    return used


def by_program(processes: Iterable[psutil.Process]) -> dict[str, list[psutil.Process]]:
    """The processes of each program, in the order of _PROGRAMS."""
    found: dict[str, list[psutil.Process]] = defaultdict(list)
    for process in processes:
        try:
            line = process.cmdline()
        except psutil.NoSuchProcess:
            continue
        text = " ".join(line)
        fitting = (name for name, words in _PROGRAMS.items() if all(word in text for word in words))
        found[next(fitting, "other")].append(process)
    return {name: found[name] for name in [*_PROGRAMS, "other"] if name in found}
