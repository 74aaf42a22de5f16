"""Commands with a long log: two stacks side by side, one of them with an all but empty log."""

from __future__ import annotations

from tools.bench import filling, runner
from tools.bench.lab import Lab
from tools.bench.pitboss import Pitboss
from tools.bench.row import Group, Row, at_most
from tools.bench.runner import Times
from tools.bench.series import Series


def run(lab: Lab) -> list[Row]:
    sizes = lab.sizes.finished_commands
    lab.crew.only(*lab.empty.parts, *lab.grown.parts)
    for stack in (lab.empty, lab.grown):
        stack.stop_bot()
    return [row for count in sizes for row in _with(lab, count, is_last=count == sizes[-1])]


def _with(lab: Lab, count: int, *, is_last: bool) -> list[Row]:
    empty, grown = lab.empty, lab.grown
    filling.commands(grown.database, count)
    empty.database.tidy()
    done = lab.take_turns({"grown": lambda: commands(lab, grown), "empty": lambda: commands(lab, empty)})
    return [
        Row(
            Group.TARGETS if is_last and name == "p50" else Group.GROWTH,
            "log",
            f"command {name} with {count:,} finished commands in the log",
            "ms",
            ours=Series.of(getattr(times, name) for times in done["grown"]),
            baseline=Series.of(getattr(times, name) for times in done["empty"]),
            against="the same with an empty log",
            target=at_most(1.1) if is_last and name == "p50" else None,
        )
        for name in ("p50", "p99")
    ]


def commands(lab: Lab, stack: Pitboss) -> Times:
    """Start and stop in turn, by one client."""
    requests = [stack.request("POST", "/start"), stack.request("POST", "/stop")]
    return runner.run(stack.port, requests, lab.sizes.requests)
