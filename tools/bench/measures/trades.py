"""GET /status with many trades: two stacks side by side, one of them without trades."""

from __future__ import annotations

from tools.bench import filling, runner
from tools.bench.lab import Lab
from tools.bench.pitboss import Pitboss
from tools.bench.row import Group, Row
from tools.bench.runner import Times
from tools.bench.series import Series


def run(lab: Lab) -> list[Row]:
    empty, grown, count = lab.empty, lab.grown, lab.sizes.trades
    lab.crew.only(*empty.parts, *grown.parts)
    filling.closed_trades(grown.database, count)
    empty.database.tidy()
    done = lab.take_turns({"grown": lambda: reads(lab, grown), "empty": lambda: reads(lab, empty)})
    return [
        Row(
            Group.GROWTH,
            "trades",
            f"GET /status {name} with {count:,} trades",
            "ms",
            ours=Series.of(getattr(times, name) for times in done["grown"]),
            baseline=Series.of(getattr(times, name) for times in done["empty"]),
            against="the same without trades",
        )
        for name in ("p50", "p99")
    ]


def reads(lab: Lab, stack: Pitboss) -> Times:
    return runner.run(stack.port, [stack.request("GET", "/status")], lab.sizes.requests)
