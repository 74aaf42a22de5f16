"""MARKET_CLOSURES: days on which the exchange is closed, or closes early, that its calendar does not know yet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time

from bot.market_hours import CLOSE, OPEN


def parse_closures(value: str) -> Mapping[date, time | None]:
    """``2027-01-08`` (closed all day) and ``2027-03-05 13:00`` (closes early, in New York) entries, comma separated.

    Raises:
        ValueError: an entry is not a date with or without a time, a time is outside the session, or a day is named twice.
    """
    closures: dict[date, time | None] = {}
    for number, entry in enumerate(map(str.strip, value.split(",")), start=1):
        if not entry:
            continue
        written_day, _, written_close = entry.partition(" ")
        try:
            day = date.fromisoformat(written_day)
            closes = time.fromisoformat(written_close.strip()) if written_close else None
        except ValueError:
            raise ValueError(
                f"entry {number} must be a closed day (2027-01-08) or an early close (2027-03-05 13:00)"
            ) from None
        if closes is not None and (closes.tzinfo is not None or not OPEN < closes < CLOSE):
            raise ValueError(
                f"entry {number} must close between {OPEN:%H:%M} and {CLOSE:%H:%M} New York time"
            )
        if day in closures:
            raise ValueError(f"entry {number} names the day of another entry")
        closures[day] = closes
    return closures
