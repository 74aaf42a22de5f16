"""Market hours, against exchange_calendars (XNYS): every session of 2015 to 2035."""

from __future__ import annotations

import importlib.util
import os
import warnings
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import market_hours
from bot.closed_days import CLOSED_DAYS
from bot.market_hours import NEW_YORK
from tools import closed_days

FIRST, LAST = date(2015, 1, 1), date(2035, 12, 31)
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]


@pytest.fixture(scope="module")
def oracle() -> Any:
    if importlib.util.find_spec("exchange_calendars") is None and os.environ.get("CI") != "true":
        pytest.skip("exchange_calendars, the oracle, is not installed (see requirements-dev.txt)")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # between the oracle and its own libraries
        import exchange_calendars

        return exchange_calendars.get_calendar("XNYS", start=str(FIRST), end=str(LAST))


def test_every_session_opens_and_closes_as_the_oracle_says(oracle: Any) -> None:
    expected = {
        at.date(): (row["open"].to_pydatetime(), row["close"].to_pydatetime())
        for at, row in oracle.schedule.iterrows()
    }
    ours = {day: hours for day in DAYS if (hours := market_hours.session(day)) is not None}
    assert len(expected) > 5_200
    assert [day for day in DAYS if (day in ours) is not (day in expected)] == [], (
        "days that only one side trades on"
    )
    assert {day: hours for day, hours in ours.items() if hours != expected[day]} == {}


def test_every_early_close_is_at_one_o_clock_in_new_york(oracle: Any) -> None:
    early = {at.date() for at in oracle.early_closes}
    ours = {
        day
        for day in DAYS
        if (hours := market_hours.session(day)) is not None and hours[1].astimezone(NEW_YORK).hour == 13
    }
    assert ours == early
    assert len(early) > 40


@pytest.mark.parametrize(
    "day",
    [
        date(2018, 12, 5),  # mourning for George H. W. Bush
        date(2025, 1, 9),  # mourning for Jimmy Carter
        date(2022, 6, 20),  # Juneteenth, observed for the first time
        date(2026, 7, 3),  # Independence Day falls on a Saturday
    ],
)
def test_days_that_were_decided_late_are_known(day: date) -> None:
    assert market_hours.session(day) is None


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        (
            "2026-03-06T14:29:59.999999+00:00",
            False,
        ),  # Friday before the clocks go forward: 09:30 is 14:30 UTC
        ("2026-03-06T14:30:00+00:00", True),
        ("2026-03-06T20:59:59+00:00", True),
        ("2026-03-06T21:00:00+00:00", False),
        ("2026-03-09T13:29:59+00:00", False),  # Monday after: 13:30 UTC
        ("2026-03-09T13:30:00+00:00", True),
        ("2026-03-09T20:00:00+00:00", False),
        ("2026-10-30T13:30:00+00:00", True),  # Friday before they go back
        ("2026-11-02T13:30:00+00:00", False),  # Monday after
        ("2026-11-02T14:30:00+00:00", True),
        ("2026-11-27T17:59:59+00:00", True),  # day after Thanksgiving: closes at 13:00
        ("2026-11-27T18:00:00+00:00", False),
        ("2026-11-26T16:00:00+00:00", False),  # Thanksgiving
        ("2026-11-28T16:00:00+00:00", False),  # a Saturday
        ("2026-11-20T10:00:00-05:00", True),  # a time of another zone
    ],
)
def test_open_from_the_opening_bell_until_just_before_the_closing_bell(at: str, is_open: bool) -> None:
    assert market_hours.is_open(datetime.fromisoformat(at)) is is_open


@pytest.mark.parametrize(
    ("at", "change"),
    [
        ("2026-11-20T14:29:00+00:00", "2026-11-20T14:30:00+00:00"),
        ("2026-11-20T14:30:00+00:00", "2026-11-20T21:00:00+00:00"),  # the bell itself has rung
        ("2026-11-20T21:00:00+00:00", "2026-11-23T14:30:00+00:00"),  # over the weekend
        ("2026-11-25T21:00:00+00:00", "2026-11-27T14:30:00+00:00"),  # over Thanksgiving
        ("2026-11-27T15:00:00+00:00", "2026-11-27T18:00:00+00:00"),  # the early close
        ("2026-03-06T21:00:00+00:00", "2026-03-09T13:30:00+00:00"),  # over the change of the clocks
        ("2026-12-31T21:00:00+00:00", "2027-01-04T14:30:00+00:00"),  # over the turn of the year
    ],
)
def test_the_next_change_is_the_next_bell(at: str, change: str) -> None:
    assert market_hours.next_change(datetime.fromisoformat(at)) == datetime.fromisoformat(change)


def test_the_next_change_is_where_open_flips() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    until = at + timedelta(days=40)
    while at < until:
        change = market_hours.next_change(at)
        assert change > at
        before, after = (market_hours.is_open(change + timedelta(microseconds=step)) for step in (-1, 0))
        assert before is not after
        at = change


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-11-20T04:59:59+00:00", date(2026, 11, 19)),  # before midnight in New York
        ("2026-11-20T05:00:00+00:00", date(2026, 11, 20)),
        ("2026-07-01T03:59:59+00:00", date(2026, 6, 30)),  # in summer
        ("2026-07-01T04:00:00+00:00", date(2026, 7, 1)),
        ("2026-11-20T23:30:00-08:00", date(2026, 11, 21)),
    ],
)
def test_the_trading_date_is_new_yorks(at: str, day: date) -> None:
    assert market_hours.trading_date(datetime.fromisoformat(at)) == day


#: A Friday that was closed at short notice, and a Tuesday that closes at one.
CLOSURES = {date(2027, 1, 8): None, date(2027, 1, 12): time(13)}


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2027-01-07T15:59-05:00", True),
        ("2027-01-08T12:00-05:00", False),  # closed, though the calendar does not know
        ("2027-01-12T12:59-05:00", True),
        ("2027-01-12T13:00-05:00", False),  # closed early
        ("2027-01-13T15:59-05:00", True),
    ],
)
def test_a_day_that_an_operator_names_is_closed_or_closes_early(at: str, is_open: bool) -> None:
    then = datetime.fromisoformat(at)
    assert market_hours.is_open(then, CLOSURES) is is_open
    assert market_hours.is_open(then) is (then.hour < 16), "by the calendar alone"


def test_bells_and_the_time_before_a_close_go_by_what_an_operator_names() -> None:
    thursday = datetime(2027, 1, 7, 16, tzinfo=NEW_YORK)
    assert market_hours.next_change(thursday, CLOSURES) == datetime(2027, 1, 11, 9, 30, tzinfo=NEW_YORK)
    monday = datetime(2027, 1, 11, 16, tzinfo=NEW_YORK)
    assert market_hours.next_before_close(thursday, 15, CLOSURES) == monday - timedelta(minutes=15)
    tuesday = datetime(2027, 1, 12, 12, 45, tzinfo=NEW_YORK)
    assert market_hours.next_before_close(monday, 15, CLOSURES) == tuesday


@pytest.mark.parametrize(("named", "closes"), [(time(15), time(13)), (time(11), time(11))])
def test_no_day_closes_later_than_its_calendar_says(named: time, closes: time) -> None:
    half, holiday = date(2026, 11, 27), date(2026, 11, 26)
    hours = market_hours.session(half, {half: named, holiday: named})
    assert hours is not None
    assert hours[1].timetz().replace(tzinfo=None) == closes
    assert market_hours.session(holiday, {holiday: named}) is None


# -- the table --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", closed_days.TABLES, ids=lambda table: table.parent.name)
def test_the_table_of_closed_days_is_what_the_library_says(table: Path) -> None:
    assert table.read_text() == closed_days.text(), "run: .venv/bin/python -m tools.closed_days"


@pytest.mark.parametrize("year", [2014, 2047])  # Christmas is on a Thursday, and on a Wednesday
def test_years_that_the_table_does_not_have_are_the_librarys(year: int) -> None:
    assert year not in CLOSED_DAYS
    assert market_hours.session(date(year, 12, 25)) is None
    thanksgiving = next(day for day in (date(year, 11, n) for n in range(22, 29)) if day.weekday() == 3)
    after = market_hours.session(thanksgiving + timedelta(days=1))
    assert market_hours.session(thanksgiving) is None
    assert after is not None
    assert after[1].time() == market_hours.EARLY_CLOSE
