"""A run with faults of about a minute, the same each time. ``script/chaos`` makes longer ones."""

from pathlib import Path

import pytest

from launcher.reaper import Guard
from tools.chaos import report
from tools.chaos.faults import FAULTS
from tools.chaos.run import Plan, Run

#: Every kind of fault comes once. The limit is for a machine that is busy otherwise.
PLAN = Plan(seed=4, commands=400, faults=len(FAULTS), seconds=180)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_nothing_is_lost_done_twice_or_done_out_of_order(server_dir: Path, guard: Guard):
    directory = server_dir / "chaos"
    directory.mkdir()
    outcome = Run(PLAN, directory, guard).go()
    print(report.as_text(outcome))
    assert not outcome.violations, report.as_text(outcome)
    assert {fault.name for fault in outcome.faults} == set(FAULTS)
    assert not outcome.tracebacks  # what is expected is said in a sentence
    assert {"applied", "rejected", "superseded"} <= {row.status for row in outcome.history.rows}
    assert {200, 202, 400, 409, 422} <= {attempt.status for attempt in outcome.history.attempts}
