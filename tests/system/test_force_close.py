"""The flatten before each close, as beat schedules it."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from bot.market_hours import NEW_YORK, next_before_close
from tests.support.fixtures import StackFactory
from tests.support.stack import Stack

SCRIPT = """
import json, sys
from datetime import datetime
from worker.app import app
from worker.trading_times import BeforeClose
app.loader.init_worker(); app.finalize()
names = sorted(app.conf.beat_schedule)
dues = []
for last, now in json.loads(sys.argv[1]):
    schedule = BeforeClose(15, nowfun=lambda: datetime.fromisoformat(now), app=app)
    due, wait = schedule.is_due(datetime.fromisoformat(last))
    dues.append([due, round(wait)])
schedule = app.conf.beat_schedule.get("bot.force_close", {}).get("schedule")
print(json.dumps([names, str(schedule), dues, [str(day) for day in getattr(schedule, "closures", ())]]))
"""


def ask(stack: Stack, times: list[tuple[str, str]]) -> list[object]:
    answer: list[object] = json.loads(stack.python(SCRIPT, json.dumps(times)))
    return answer


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-11-24T10:00", "2026-11-24T15:45"),
        ("2026-11-24T15:45", "2026-11-25T15:45"),
        ("2026-11-25T16:00", "2026-11-27T12:45"),  # Thanksgiving, and an early close after it
        ("2026-11-27T12:45", "2026-11-30T15:45"),
        ("2026-03-06T16:00", "2026-03-09T15:45"),  # the clocks change over the weekend
    ],
)
def test_it_comes_before_each_close_early_ones_and_holidays_included(after: str, expected: str) -> None:
    found = next_before_close(datetime.fromisoformat(after).replace(tzinfo=NEW_YORK), 15)
    assert found.astimezone(NEW_YORK).strftime("%Y-%m-%dT%H:%M") == expected


def test_it_is_scheduled_where_the_setting_asks_for_it_and_is_never_late(make_stack: StackFactory) -> None:
    at = "2026-11-27T{}-05:00"
    times = [
        ("09:00", "12:44"),
        ("09:00", "12:45"),
        ("09:00", "12:49"),
        ("09:00", "12:51"),
        ("12:45", "12:46"),
    ]
    stack = make_stack(FORCE_CLOSE_BEFORE_CLOSE_MIN="15", MARKET_CLOSURES="2027-01-12 13:00")
    names, schedule, dues, closures = ask(stack, [(at.format(last), at.format(now)) for last, now in times])
    assert names == ["bot.beat_lives", "bot.force_close"]
    assert schedule == "<15 minutes before each close>"
    assert [due for due, _ in dues] == [False, True, True, False, False]  # type: ignore[attr-defined]
    assert dues[0][1] == 60  # type: ignore[index]
    assert closures == ["2027-01-12"], "days that an operator names count, too"


def test_without_the_setting_the_hook_stays_reserved(make_stack: StackFactory) -> None:
    names, *_ = ask(make_stack(), [])
    assert names == ["bot.beat_lives"]
