"""The equity curve: one mode, the hours that count, and not more points than can be drawn."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal

from bot.market_hours import NEW_YORK, midnight
from bot.queries import equity
from bot.queries.equity import Curve
from bot.states import Mode
from tests.bot.world import TestDatabase

FRIDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 23)


def new_york(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), NEW_YORK)


def worth(
    database: TestDatabase, at: datetime, value: str, open_pnl: str | None = "0", mode: str = "paper"
) -> None:
    database.sql("INSERT INTO bot_equity VALUES (%s, %s, %s, %s)", [mode, at, value, open_pnl])


def curve(database: TestDatabase, mode: Mode = Mode.PAPER, days: int = 4) -> Curve:
    begins, ends = midnight(FRIDAY), midnight(FRIDAY + timedelta(days=days))
    return database.pool.read(lambda session: equity.curve(session, mode, begins, ends, {}))


def test_while_the_exchange_is_closed_only_changes_are_points(database: TestDatabase) -> None:
    for at, value in (
        (new_york(FRIDAY, 8), "100"),
        (new_york(FRIDAY, 9, 30), "100"),
        (new_york(FRIDAY, 15, 59), "110"),
        (new_york(FRIDAY, 16, 30), "110"),
        (new_york(FRIDAY, 18), "108"),
        (new_york(FRIDAY, 19), "108"),
        (new_york(FRIDAY + timedelta(days=1), 12), "108"),
        (new_york(MONDAY, 9, 29), "108"),
        (new_york(MONDAY, 10), "109"),
    ):
        worth(database, at, value)
    worth(database, new_york(FRIDAY, 10), "5", mode="live")
    found = curve(database)
    assert [(point.at.astimezone(NEW_YORK), int(point.equity)) for point in found.points] == [
        (new_york(FRIDAY, 9, 30), 100),
        (new_york(FRIDAY, 15, 59), 110),
        (new_york(FRIDAY, 18), 108),
        (new_york(MONDAY, 10), 109),
    ]
    assert found.sessions == [
        (new_york(FRIDAY, 9, 30), new_york(FRIDAY, 16)),
        (new_york(MONDAY, 9, 30), new_york(MONDAY, 16)),
    ]
    assert [int(point.equity) for point in curve(database, Mode.LIVE).points] == [5]


def test_an_account_that_does_not_change_at_night_still_has_its_last_point(database: TestDatabase) -> None:
    assert curve(database) == Curve(timedelta(minutes=1), [], [])
    for minute in (1, 2):
        worth(database, new_york(FRIDAY, 20, minute), "100", None)
    [point] = curve(database).points
    assert (point.at, point.equity, point.open_pnl) == (new_york(FRIDAY, 20, 2), Decimal(100), None)


def test_a_day_is_shown_by_the_minute_and_a_year_by_few_points(database: TestDatabase) -> None:
    database.sql(
        "INSERT INTO bot_equity SELECT 'paper', %s + n * interval '1 minute', n, 0 FROM generate_series(0, 389) n",
        [new_york(FRIDAY, 9, 30)],
    )
    day = curve(database)
    assert (day.span, len(day.points)) == (timedelta(minutes=1), 390)
    database.sql(
        "INSERT INTO bot_equity SELECT 'paper', %s + n * interval '30 minutes', n, 0 FROM generate_series(0, 17520) n",
        [new_york(MONDAY, 0)],
    )
    year = curve(database, days=400)
    assert year.span == timedelta(hours=6)
    assert 250 < len(year.points) <= equity.MOST_POINTS
    assert year.points[-1].equity == 17520, "the last reading is the last point"
