"""Beat goes on with any schedule file, says that it lives, and fires nothing late."""

from __future__ import annotations

import json
import shelve
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fixtures import StackFactory
from tests.support.process import Process
from tests.support.stack import ROOT, Stack
from tests.support.waiting import wait_for

UNREADABLE = {
    "no database": b"this is no schedule",
    "empty": b"",
}


@pytest.fixture(scope="module")
def stack(make_module_stack: StackFactory) -> Stack:
    stack = make_module_stack(FORCE_CLOSE_BEFORE_CLOSE_MIN="15")
    stack.start_redis()
    return stack


@pytest.fixture
def beat(stack: Stack, tmp_path: Path) -> Iterator[Process]:
    """Beat, not started; its schedule file is ``schedule`` in tmp_path."""
    command = stack.program("beat", f"--schedule={tmp_path / 'schedule'}", "--pidfile=")
    log = tmp_path / "beat.log"
    process = Process(
        "beat", command, env=stack.env({"ALIVE_FILE": str(tmp_path / "alive")}), cwd=ROOT, log=log
    )
    yield process
    process.close()


def spoil(path: Path, how: str) -> None:
    if how in UNREADABLE:
        path.write_bytes(UNREADABLE[how])
        return
    # it opens, and what is in it cannot be unpickled: the class is gone
    with shelve.open(str(path)) as store:  # noqa: S301 - made here
        store["entries"] = {}
    with shelve.open(str(path)) as store:  # noqa: S301 - made here
        store.dict[b"entries"] = b"cbuiltins\nNoSuchClass\n."  # type: ignore[attr-defined]


@pytest.mark.parametrize("how", ["no database", "empty", "entries of a class that is gone"])
def test_a_schedule_file_that_cannot_be_read_is_set_aside(beat: Process, tmp_path: Path, how: str) -> None:
    spoil(tmp_path / "schedule", how)
    beat.start()
    wait_for((tmp_path / "alive").exists, 30, "it ticks", evidence=beat.log)
    assert beat.running
    if how != "empty":  # which some kinds of dbm take for a new file
        assert list(tmp_path.glob("schedule*.unreadable"))
        assert "Traceback" not in beat.log(whole=True)
        assert "cannot be used" in beat.log(whole=True)


def test_without_a_place_for_the_file_it_goes_on_elsewhere(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    command = stack.program("beat", f"--schedule={tmp_path / 'file' / 'schedule'}", "--pidfile=")
    alive = tmp_path / "alive"
    beat = Process(
        "beat", command, env=stack.env({"ALIVE_FILE": str(alive)}), cwd=ROOT, log=tmp_path / "beat.log"
    )
    beat.start()
    try:
        wait_for(alive.exists, 30, "it ticks", evidence=beat.log)
        assert "beat goes on with" in beat.log(whole=True)
    finally:
        beat.close()


def test_a_worker_writes_down_that_it_lives(beat: Process, stack: Stack) -> None:
    beat.start()
    stack.start_sandbox()
    stack.start_worker()
    age = (
        "SELECT 1 FROM bot_pulse WHERE name = 'beat' AND clock_timestamp() - seen_at < interval '20 seconds'"
    )
    wait_for(lambda: stack.sql(age), 30, "its sign of life", evidence=beat.log)
    stack.start_web()
    shown = stack.api("viewer").get("//metrics").text
    [line] = [line for line in shown.splitlines() if line.startswith("pitboss_beat_age_seconds")]
    assert float(line.split()[1]) < 25
    assert beat.terminate() == 0


SCRIPT = """
import json, sys
from datetime import datetime, time
from worker.app import app
from worker.trading_times import BeforeClose, OnTradingDays
app.loader.init_worker(); app.finalize()
found = []
for kind, last, now in json.loads(sys.argv[1]):
    at = lambda: datetime.fromisoformat(now)
    schedule = BeforeClose(15, nowfun=at, app=app) if kind == "close" else OnTradingDays(time(4), nowfun=at, app=app)
    due, wait = schedule.is_due(datetime.fromisoformat(last))
    found.append([due, round(wait)])
options = app.conf.beat_schedule["bot.force_close"]["options"]
print(json.dumps([found, options, app.conf.beat_cron_starting_deadline]))
"""


def test_no_hook_is_late_and_none_comes_on_a_holiday(stack: Stack) -> None:
    cases = [
        # beat was away at Wednesday 15:45, and is back on Friday after Thanksgiving: not before that day's own, at 12:45
        ("close", "2026-11-24T15:45-05:00", "2026-11-27T09:31-05:00"),
        ("close", "2026-11-25T15:45-05:00", "2026-11-27T12:45-05:00"),
        ("close", "2026-12-23T15:45-05:00", "2026-12-24T12:45-05:00"),
        ("close", "2026-11-25T15:45-05:00", "2026-11-26T15:45-05:00"),
        ("reset", "2026-11-25T04:00-05:00", "2026-11-26T04:00-05:00"),
        ("reset", "2026-11-25T04:00-05:00", "2026-11-27T04:00-05:00"),
        ("reset", "2026-11-25T04:00-05:00", "2026-11-27T09:31-05:00"),
    ]
    found, options, deadline = json.loads(stack.python(SCRIPT, json.dumps(cases)))
    assert [due for due, _ in found] == [False, True, True, False, False, True, False]
    assert found[0][1] == (3 * 60 + 14) * 60
    assert options["expires"] == 300, "a worker that comes back does not take it either"
    assert deadline == 300
