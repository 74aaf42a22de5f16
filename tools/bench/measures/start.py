"""A worker's start: ours until its gate is open, bare Celery's until it is ready."""

from __future__ import annotations

import time

from tools.bench.lab import Lab
from tools.bench.part import Part
from tools.bench.row import Group, Row, at_most
from tools.bench.series import Series


def run(lab: Lab) -> list[Row]:
    ours, bare = lab.pitboss.worker, lab.noop.by_default
    lab.crew.only()
    done = lab.take_turns(
        {"ours": lambda: _start(lab, ours), "bare": lambda: _start(lab, bare)},
        warm_up=lab.sizes.warm_starts,
    )
    return [
        Row(
            Group.TARGETS,
            "start",
            "worker start to gate open",
            "s",
            ours=Series.of(done["ours"]),
            baseline=Series.of(done["bare"]),
            against="bare Celery start to ready, default flags",
            target=at_most(0.8),
        )
    ]


def _start(lab: Lab, worker: Part) -> float:
    """Seconds from its spawn until it was seen to be ready, a few milliseconds late."""
    try:
        began = worker.start()
        worker.wait_ready()
        return time.perf_counter() - began
    finally:
        worker.stop()
