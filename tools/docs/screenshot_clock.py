"""The day that the pictures show: Friday, 20 November 2026, 14:32:05 in New York. Nothing of it is real."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 20, 14, 32, 5, tzinfo=NEW_YORK)
OPENS, CLOSES = NOW.replace(hour=9, minute=30, second=0), NOW.replace(hour=16, minute=0, second=0)
BEGINS = NOW.replace(hour=0, minute=0, second=0)


def iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def at(hour: int, minute: int, second: int = 0) -> str:
    return iso(NOW.replace(hour=hour, minute=minute, second=second))


def day() -> dict[str, Any]:
    return {
        "date": "2026-11-20",
        "beginsAt": iso(BEGINS),
        "endsAt": iso(BEGINS + timedelta(days=1)),
        "opensAt": iso(OPENS),
        "closesAt": iso(CLOSES),
        "asOf": iso(NOW),
    }
