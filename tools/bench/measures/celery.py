"""Celery and Flask alone, for reference: what a command cannot be faster than as long as it goes their way."""

from __future__ import annotations

import time
from typing import Any

from celery import Celery

from tools.bench import runner
from tools.bench.errors import BenchError
from tools.bench.http import compose
from tools.bench.lab import Lab
from tools.bench.row import Group, Row
from tools.bench.series import Series, quantile

_TASK = "tools.bench.baselines.noop.nothing"
_TIMEOUT_SEC = 20.0


def run(lab: Lab) -> list[Row]:
    lab.crew.only(lab.noop.like_pitboss, lab.bare.web)
    celery = Celery("reference", broker=lab.noop.queue, backend=lab.noop.queue)
    count = lab.sizes.tasks
    try:
        done = lab.take_turns(
            {
                "round trip": lambda: _round_trip_ms(celery, count),
                "tasks": lambda: _per_second(celery, count),
                "nothing": lambda: _route_ms(lab, "GET", "/healthz"),
                "select": lambda: _route_ms(lab, "GET", "/select"),
                "commit": lambda: _route_ms(lab, "POST", "/commit"),
            }
        )
    finally:
        celery.close()
    texts = {
        "round trip": ("bare Celery no-op, delay().get(), p50", "ms"),
        "tasks": ("bare Celery no-ops, all sent, then all results", "/s"),
        "nothing": ("bare Flask route, p50", "ms"),
        "select": ("bare Flask + one SELECT, p50", "ms"),
        "commit": ("bare Flask + one hot-row commit, p50", "ms"),
    }
    return [
        Row(Group.REFERENCES, "celery", what, unit, Series.of(done[name]))
        for name, (what, unit) in texts.items()
    ]


def _round_trip_ms(celery: Celery, count: int) -> float:
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        _get(celery.send_task(_TASK))
        taken.append((time.perf_counter() - began) * 1000)
    return quantile(taken, 0.5)


def _per_second(celery: Celery, count: int) -> float:
    began = time.perf_counter()
    for result in [celery.send_task(_TASK) for _ in range(count)]:
        _get(result)
    return count / (time.perf_counter() - began)


def _get(result: Any) -> None:
    if result.get(timeout=_TIMEOUT_SEC) is not None:
        raise BenchError("The no-op returned something.")


def _route_ms(lab: Lab, method: str, path: str) -> float:
    return runner.run(lab.bare.port, [compose(method, path)], lab.sizes.requests).p50
