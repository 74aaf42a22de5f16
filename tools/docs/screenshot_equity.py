"""What the account was worth in the month before the day that the pictures show. Nothing of it is real."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from tools.docs.screenshot_clock import CLOSES, NOW, OPENS, iso
from tools.docs.screenshot_trades import ACCOUNT, OPEN_PNL, daily

EVERY = timedelta(minutes=30)


def equity(mode: str) -> dict[str, Any]:
    """The curve of the last thirty days, half hour by half hour."""
    days = [each for each in reversed(daily()) if each["date"] >= "2026-10-22"]
    sessions = [_on(OPENS, each["date"]) for each in days]
    return {
        "mode": mode,
        "everyMin": 30,
        "points": list(_points(days)),
        "sessions": [{"opensAt": iso(at), "closesAt": iso(at + (CLOSES - OPENS))} for at in sessions],
        "asOf": iso(NOW),
    }


def _points(days: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    chance = random.Random(11)  # noqa: S311 - a drawing, not a secret
    closed = ACCOUNT["lastEquity"] - sum(each["realizedPnl"] for each in days[:-1])
    for day in days:
        at, closes = _on(OPENS, day["date"]), min(_on(CLOSES, day["date"]), NOW)
        steps = (closes - at) // EVERY
        for step in range(1, steps + 1):
            realized = day["realizedPnl"] * step / steps + (chance.gauss(0, 14) if step < steps else 0)
            open_pnl = round(chance.gauss(4, 22), 2) if step < steps else 0.0
            if day is days[-1] and step == steps:
                open_pnl = OPEN_PNL
            worth = round(closed + realized + open_pnl, 2)
            yield {"at": iso(at + step * EVERY - timedelta(minutes=1)), "equity": worth, "openPnl": open_pnl}
        closed += day["realizedPnl"]


def _on(clock: datetime, day: str) -> datetime:
    on = date.fromisoformat(day)
    return clock.replace(year=on.year, month=on.month, day=on.day)
