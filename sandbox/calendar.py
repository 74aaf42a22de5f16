"""The days on which the exchange is open, and its hours.

Holidays and early closes come from the ``holidays`` package, by way of a table; regular hours are 9:30 to 16:00 in New York.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from sandbox.closed_days import CLOSED_DAYS
from sandbox.times import NEW_YORK

FIRST, LAST = date(2015, 1, 1), date(2029, 12, 31)  # as far as it is of use here
_OPENS, _CLOSES, _CLOSES_EARLY = time(9, 30), time(16), time(13)


@lru_cache(maxsize=4096)
def session(day: date) -> tuple[datetime, datetime] | None:
    """The bells of a day, in New York; None when the exchange is closed."""
    written = f"{day:%m%d}"
    # of a year that the table does not have, only the weekends are known
    all_day, early = CLOSED_DAYS.get(day.year, ("", ""))
    if day.weekday() > 4 or written in all_day.split():
        return None
    closes = _CLOSES_EARLY if written in early.split() else _CLOSES
    return datetime.combine(day, _OPENS, NEW_YORK), datetime.combine(day, closes, NEW_YORK)


def next_session(after: date) -> date:
    """The first day after this one on which the exchange is open."""
    day = after + timedelta(days=1)
    while session(day) is None:
        day += timedelta(days=1)
    return day


def calendar_rows(start: date, end: date) -> list[dict[str, Any]]:
    """The open days from start to end as ``GET /v2/calendar`` answers them: the session's times have no colon."""
    rows, day = [], max(start, FIRST)
    while day <= min(end, LAST):
        if bells := session(day):
            rows.append(
                {
                    "date": day.isoformat(),
                    "open": f"{bells[0]:%H:%M}",
                    "close": f"{bells[1]:%H:%M}",
                    "session_open": "0400",
                    "session_close": "2000" if bells[1].time() == _CLOSES else "1700",
                    "settlement_date": next_session(day).isoformat(),
                }
            )
        day += timedelta(days=1)
    return rows
