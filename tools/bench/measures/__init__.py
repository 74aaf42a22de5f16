"""The measurements, one in each file, each with a ``run``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tools.bench.lab import Lab
from tools.bench.measures import (
    bounds,
    celery,
    command,
    kill,
    lane,
    log,
    memory,
    reconcile,
    stack,
    start,
    status,
    streams,
    throughput,
    trades,
)
from tools.bench.row import Row


@dataclass(frozen=True)
class Measure:
    name: str
    title: str
    run: Callable[[Lab], list[Row]]


#: So ordered that few parts have to be started again.
MEASURES = (
    Measure("command", "one client's commands", command.run),
    Measure("throughput", "commands of many clients", throughput.run),
    Measure("memory", "memory and idle processor time", memory.run),
    Measure("stack", "memory and idle processor time of all of script/server", stack.run),
    Measure("streams", "commands and status beside event streams", streams.run),
    Measure("status", "status reads of many clients", status.run),
    Measure("kill", "kill without Redis and without a worker", kill.run),
    Measure("lane", "kill beside every kind of load", lane.run),
    Measure("bounds", "what bounds the targets", bounds.run),
    Measure("celery", "Celery and Flask alone, for reference", celery.run),
    Measure("log", "commands with a long log", log.run),
    Measure("trades", "status with many trades", trades.run),
    Measure("start", "a worker's start", start.run),
    Measure("reconcile", "reconciliation", reconcile.run),
)
