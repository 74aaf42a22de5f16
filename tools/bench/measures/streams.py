"""Commands and status reads while event streams are open, and while none is."""

from __future__ import annotations

from tools.bench.lab import Lab
from tools.bench.listeners import Listeners
from tools.bench.measures.log import commands
from tools.bench.measures.trades import reads
from tools.bench.row import Group, Row
from tools.bench.runner import Times
from tools.bench.series import Series


def run(lab: Lab) -> list[Row]:
    lab.crew.only(*lab.pitboss.parts)
    lab.pitboss.stop_bot()
    return [row for count in lab.sizes.streams for row in _beside(lab, count)]


def _beside(lab: Lab, count: int) -> list[Row]:
    stack = lab.pitboss
    stream = stack.request("GET", "/events")

    def without() -> tuple[Times, Times]:
        return commands(lab, stack), reads(lab, stack)

    def beside() -> tuple[Times, Times]:
        with Listeners(stack.port, stream, count):
            return without()

    done = lab.take_turns({"beside": beside, "without": without})
    return [
        Row(
            Group.GROWTH,
            "streams",
            f"{what} p50 beside {count} event stream{'s' if count > 1 else ''}",
            "ms",
            ours=Series.of(times[part].p50 for times in done["beside"]),
            baseline=Series.of(times[part].p50 for times in done["without"]),
            against="the same without a stream",
        )
        for part, what in enumerate(("command", "GET /status"))
    ]
