"""GET /status per second with many clients."""

from __future__ import annotations

from bench.http import compose
from bench.lab import Lab
from bench.row import Group, Row, at_least
from bench.series import Series


def run(lab: Lab) -> list[Row]:
    pitboss, bare, sizes = lab.pitboss, lab.bare, lab.sizes
    lab.crew.only(*pitboss.parts, bare.web)
    ours = [[pitboss.request("GET", "/status")] * sizes.reads_each] * sizes.clients
    theirs = [[compose("GET", "/select")] * sizes.reads_each] * sizes.clients
    done = lab.take_turns(
        {
            "ours": lambda: lab.crowd.per_second(pitboss.port, ours),
            "bare": lambda: lab.crowd.per_second(bare.port, theirs),
        }
    )
    return [
        Row(
            Group.TARGETS,
            "status",
            f"GET /status per second, {sizes.clients} clients",
            "/s",
            ours=Series.of(done["ours"]),
            baseline=Series.of(done["bare"]),
            against="bare Flask + one SELECT",
            target=at_least(0.8),
        )
    ]
