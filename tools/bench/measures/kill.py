"""POST /kill with Redis and the worker really down."""

from __future__ import annotations

from tools.bench import runner
from tools.bench.http import compose
from tools.bench.lab import Lab
from tools.bench.row import Group, Row, at_most
from tools.bench.series import Series


def run(lab: Lab) -> list[Row]:
    pitboss, bare, count = lab.pitboss, lab.bare, lab.sizes.requests
    lab.crew.only(pitboss.web, bare.web)
    ours, theirs = [pitboss.request("POST", "/kill")], [compose("POST", "/commit")]
    lab.servers.valkey.stop()
    try:
        done = lab.take_turns(
            {
                "ours": lambda: runner.run(pitboss.port, ours, count),
                "bare": lambda: runner.run(bare.port, theirs, count),
            }
        )
    finally:
        lab.servers.valkey.start()
    return [
        Row(
            Group.TARGETS,
            "kill",
            f"kill with Redis and worker down, {name}",
            "ms",
            ours=Series.of(getattr(times, name) for times in done["ours"]),
            baseline=Series.of(getattr(times, name) for times in done["bare"]),
            against="bare Flask + one hot-row commit",
            target=at_most(target),
        )
        for name, target in (("p50", 1.7), ("p99", 2.0))
    ]
