"""Moments: seconds since 1970 inside, and text as Alpaca writes it outside."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")


def stamp(at: float) -> str:
    """A moment in UTC with microseconds, as in an order's ``filled_at``."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def unix(text: Any) -> float:
    """Read a date or a moment; without an offset it is in UTC.

    Raises ValueError for anything else.
    """
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is neither a date nor a time")
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
