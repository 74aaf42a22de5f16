"""NYSE regular hours and trading dates, in America/New_York.

Holidays and early closes come from the ``holidays`` package, by way of a table (``bot.closed_days``); regular hours are 09:30 to
16:00, early closes are at 13:00 (nyse.com, "Holidays & Trading Hours"). What was decided since that package was released, an
operator names in MARKET_CLOSURES: the *closures* of each function here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from bot.closed_days import CLOSED_DAYS

NEW_YORK = ZoneInfo("America/New_York")
OPEN = time(9, 30)
CLOSE = time(16, 0)
EARLY_CLOSE = time(13, 0)

#: Days on which the exchange deviates from its calendar: the time of an early close, or None if it is closed all day.
Closures = Mapping[date, time | None]
NO_CLOSURES: Closures = {}


def trading_date(at: datetime) -> date:
    """The date in New York at the aware time *at*, which is the date of the statistics."""
    return at.astimezone(NEW_YORK).date()


def midnight(day: date) -> datetime:
    """When *day* begins in New York, aware."""
    return datetime.combine(day, time(), NEW_YORK)


def day_after(day: date) -> date:
    """The day after *day*, unless that is the last one that there is."""
    return day + timedelta(days=1) if day < date.max else day


def session(day: date, closures: Closures = NO_CLOSURES) -> tuple[datetime, datetime] | None:
    """Open and close of the regular session on *day*, aware; None if the exchange is closed that day."""
    hours = _by_calendar(day)
    if hours is None or day not in closures:
        return hours
    early = closures[day]
    return None if early is None else (hours[0], min(hours[1], datetime.combine(day, early, NEW_YORK)))


@lru_cache(maxsize=4096)
def _by_calendar(day: date) -> tuple[datetime, datetime] | None:
    all_day, early = _closed_days(day.year)
    if day.weekday() >= 5 or day in all_day:
        return None
    close = EARLY_CLOSE if day in early else CLOSE
    return datetime.combine(day, OPEN, NEW_YORK), datetime.combine(day, close, NEW_YORK)


def is_open(at: datetime, closures: Closures = NO_CLOSURES) -> bool:
    """Whether the regular session is on at the aware time *at*: the opening bell counts, the closing bell does not."""
    hours = session(trading_date(at), closures)
    return hours is not None and hours[0] <= at < hours[1]


def next_change(at: datetime, closures: Closures = NO_CLOSURES) -> datetime:
    """When the market next opens or closes after the aware time *at*."""
    day = trading_date(at)
    while True:
        for bell in session(day, closures) or ():
            if bell > at:
                return bell.astimezone(UTC)
        day += timedelta(days=1)


def next_before_close(after: datetime, minutes: int, closures: Closures = NO_CLOSURES) -> datetime:
    """The first time after the aware time *after* that is *minutes* before a close, regular or early."""
    day = trading_date(after)
    while True:
        hours = session(day, closures)
        if hours is not None and (at := hours[1] - timedelta(minutes=minutes)) > after:
            return at.astimezone(UTC)
        day += timedelta(days=1)


def next_on_trading_day(after: datetime, at: time, closures: Closures = NO_CLOSURES) -> datetime:
    """The first time after the aware time *after* that is *at* in New York on a day with a session."""
    day = trading_date(after)
    while True:
        found = datetime.combine(day, at, NEW_YORK)
        if session(day, closures) is not None and found > after:
            return found.astimezone(UTC)
        day += timedelta(days=1)


@lru_cache(maxsize=256)
def _closed_days(year: int) -> tuple[frozenset[date], frozenset[date]]:
    written = CLOSED_DAYS.get(year)
    if written is None:
        return by_library(year)
    all_day, early = (
        frozenset(date(year, int(day[:2]), int(day[2:])) for day in days.split()) for days in written
    )
    return all_day, early


def by_library(year: int) -> tuple[frozenset[date], frozenset[date]]:
    """The weekdays of *year* on which the exchange is closed all day, and those on which it closes early."""
    # 18 MiB that a process is spared which asks for years of the table only
    from holidays.constants import HALF_DAY, PUBLIC
    from holidays.financial.ny_stock_exchange import NewYorkStockExchange

    def weekdays(category: str) -> frozenset[date]:
        found = NewYorkStockExchange(years=[year], categories=(category,))  # type: ignore[no-untyped-call]
        return frozenset(day for day in found if day.year == year and day.weekday() < 5)

    return weekdays(PUBLIC), weekdays(HALF_DAY)
