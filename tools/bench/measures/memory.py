"""Memory of each process, and what the processes cost while nothing is asked of them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress

import psutil

from tools.bench.lab import Lab
from tools.bench.part import Part
from tools.bench.row import Group, Row
from tools.bench.series import Series

_MB = 1_000_000


def run(lab: Lab) -> list[Row]:
    pitboss, naive = lab.pitboss, lab.naive
    lab.crew.only(*pitboss.parts, *naive.parts)
    rows = []
    for name, ours, theirs in (("web", pitboss.web, naive.web), ("worker", pitboss.worker, naive.worker)):
        count = len(ours.processes())
        rows += [
            _row(
                f"{name}, {kind} ({count} processes)",
                "MB",
                memory(ours.processes(), kind),
                memory(theirs.processes(), kind),
            )
            for kind in ("rss", "pss")
        ]
        rows.append(
            _row(f"{name}, processor while idle", "% of a core", _idle(lab, ours), _idle(lab, theirs))
        )
    servers = {"PostgreSQL": lab.servers.postgres.process, "Valkey": lab.servers.valkey.process}
    for name, process in servers.items():
        parent = psutil.Process(process.pid)
        for kind in ("rss", "pss"):
            used = memory([parent, *parent.children(recursive=True)], kind)
            if used is not None:
                rows.append(
                    Row(
                        Group.MEMORY,
                        "memory",
                        f"{name}, all processes, serving both sides, {kind}",
                        "MB",
                        Series.of([used]),
                    )
                )
    return [row for row in rows if row is not None]


def memory(processes: Iterable[psutil.Process], kind: str) -> float | None:
    """Megabytes of all processes together. ``rss`` counts what they share as often as it is shared, ``pss`` once; None
    where the system does not say."""
    total = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            try:
                total += getattr(process.memory_full_info() if kind == "pss" else process.memory_info(), kind)
            except (psutil.AccessDenied, AttributeError):
                return None
    return total / _MB


def _idle(lab: Lab, part: Part) -> float:
    before = part.cpu_sec()
    time.sleep(lab.sizes.idle_sec)
    return (part.cpu_sec() - before) / lab.sizes.idle_sec * 100


def _row(what: str, unit: str, ours: float | None, theirs: float | None) -> Row | None:
    if ours is None or theirs is None:
        return None
    # no ratio of an idle time that is nothing
    baseline = Series.of([theirs]) if theirs else None
    return Row(Group.MEMORY, "memory", what, unit, Series.of([ours]), baseline, "naive" if theirs else None)
