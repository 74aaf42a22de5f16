"""POST /start → 200 by one client. Start and stop in turn, so that each of them is applied."""

from __future__ import annotations

from tools.bench import runner
from tools.bench.http import compose
from tools.bench.lab import Lab
from tools.bench.row import Group, Row, at_most
from tools.bench.series import Series


def run(lab: Lab) -> list[Row]:
    pitboss, naive = lab.pitboss, lab.naive
    lab.crew.only(*pitboss.parts, *naive.parts)
    pitboss.stop_bot()
    ours = [pitboss.request("POST", "/start"), pitboss.request("POST", "/stop")]
    theirs = [compose("POST", "/start"), compose("POST", "/stop")]
    count = lab.sizes.requests
    done = lab.take_turns(
        {
            "ours": lambda: runner.run(pitboss.port, ours, count),
            "naive": lambda: runner.run(naive.port, theirs, count),
        }
    )
    return [
        Row(
            Group.TARGETS,
            "command",
            f"POST /start → 200, one client, {name}",
            "ms",
            ours=Series.of(getattr(times, name) for times in done["ours"]),
            baseline=Series.of(getattr(times, name) for times in done["naive"]),
            against="naive",
            target=at_most(target),
        )
        for name, target in (("p50", 0.8), ("p99", 0.9))
    ]
