"""The market clock, as ``GET /v2/clock`` answers it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
OPENS, CLOSES = time(9, 30), time(16)


def clock_row(is_open: bool | None = None, now: datetime | None = None) -> dict[str, Any]:
    """The clock at ``now`` (aware; the present by default), or with ``is_open`` as a test wants it.

    Times are in New York, as Alpaca's are. Hours are 9:30 to 16:00 on weekdays; the simulated market keeps no
    holidays, and its orders fill at any hour.
    """
    now = (now or datetime.now(UTC)).astimezone(NEW_YORK)
    days = [now.date() + timedelta(days=n) for n in range(8)]
    weekdays = [day for day in days if day.weekday() < 5]
    next_open = next(at for day in weekdays if (at := datetime.combine(day, OPENS, NEW_YORK)) > now)
    next_close = next(at for day in weekdays if (at := datetime.combine(day, CLOSES, NEW_YORK)) > now)
    return {
        "timestamp": now.isoformat(),
        "is_open": next_close < next_open if is_open is None else is_open,
        "next_open": next_open.isoformat(),
        "next_close": next_close.isoformat(),
    }
