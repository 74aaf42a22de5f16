"""The market clock, as ``GET /v2/clock`` answers it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.calendar import session
from sandbox.times import NEW_YORK


class Clock:
    """Says whether the market is open: always, never, or by the hours of the exchange.

    ``is_open`` is True, False, or None for the hours; ``decimals`` are those of the timestamp (Alpaca sends
    nine, and none when they are zero).
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.is_open: bool | None = True
        self.decimals = 9
        self._now = now

    def says_open(self) -> bool:
        """Whether orders are executed now."""
        if self.is_open is not None:
            return self.is_open
        now = datetime.fromtimestamp(self._now(), NEW_YORK)
        hours = session(now.date())
        return hours is not None and hours[0] <= now < hours[1]

    def row(self) -> dict[str, Any]:
        """The clock in New York's time. The bells are those that fit to what it says: open, closed."""
        at, is_open = self._now(), self.says_open()
        now = datetime.fromtimestamp(at, NEW_YORK)
        if is_open:
            closes = next(bells[1] for bells in _sessions(now) if bells[1] > now)
            opens = next(bells[0] for bells in _sessions(closes) if bells[0] > closes)
        else:
            opens = next(bells[0] for bells in _sessions(now) if bells[0] > now)
            closes = next(bells[1] for bells in _sessions(opens) if bells[1] > opens)
        return {
            "timestamp": self._timestamp(at),
            "is_open": is_open,
            "next_open": opens.isoformat(),
            "next_close": closes.isoformat(),
        }

    def _timestamp(self, at: float) -> str:
        nanoseconds = time.time_ns() if self._now is time.time else int(at * 1_000_000_000)
        second = datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC).astimezone(NEW_YORK)
        fraction = f"{nanoseconds % 1_000_000_000:09d}"[: self.decimals]
        offset = second.isoformat()[19:]
        return f"{second:%Y-%m-%dT%H:%M:%S}{'.' if fraction else ''}{fraction}{offset}"


def _sessions(since: datetime) -> Iterator[tuple[datetime, datetime]]:
    day = since.date()
    while True:
        if hours := session(day):
            yield hours
        day += timedelta(days=1)
