"""GET /status per second with many clients."""

from __future__ import annotations

from tools.bench.http import compose
from tools.bench.lab import Lab
from tools.bench.row import Group, Row, at_least
from tools.bench.series import Series


def run(lab: Lab) -> list[Row]:
    pitboss, bare, sizes = lab.pitboss, lab.bare, lab.sizes
    lab.crew.only(*pitboss.parts, bare.web)
    ours, theirs = of_readers(lab), of_bare_readers(lab)
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
            target=at_least(1.2),
        )
    ]


def of_readers(lab: Lab) -> list[list[bytes]]:
    """What each client asks Pitboss."""
    return [[lab.pitboss.request("GET", "/status")] * lab.sizes.reads_each] * lab.sizes.clients


def of_bare_readers(lab: Lab) -> list[list[bytes]]:
    """What each client asks the bare route."""
    return [[compose("GET", "/select")] * lab.sizes.reads_each] * lab.sizes.clients
