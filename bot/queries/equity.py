"""The equity curve: what the account of one mode was worth over time, within a bound on its points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from bot import market_hours
from bot.market_hours import Closures
from bot.models import BotEquity
from bot.states import Mode

#: The days up to the last one that are read if nothing says since when.
DAYS = timedelta(days=29)
#: The most points that are read for one curve.
MOST_POINTS = 1_500
#: The last reading of each such span is a point: the shortest span that keeps to MOST_POINTS is taken.
_SPANS = (
    *(timedelta(minutes=each) for each in (1, 5, 15, 30)),
    *(timedelta(hours=each) for each in (1, 6, 24, 7 * 24)),
)


@dataclass(frozen=True)
class Point:
    """One reading; amounts are US dollars."""

    at: datetime
    equity: Decimal
    #: Part of the equity; None if it was not known.
    open_pnl: Decimal | None


@dataclass(frozen=True)
class Curve:
    """The points, the earliest first, and the exchange's sessions from the day of the first to that of the last."""

    span: timedelta
    points: Sequence[Point]
    sessions: Sequence[tuple[datetime, datetime]]


def curve(session: Session, mode: Mode, begins: datetime, ends: datetime, closures: Closures) -> Curve:
    """The equity in *mode* from *begins* until before *ends*. While the exchange is closed, only changes are points."""
    which = (BotEquity.mode == mode, BotEquity.at >= begins, BotEquity.at < ends)
    in_order = select(BotEquity.at).where(*which).limit(1)
    first = session.scalars(in_order.order_by(BotEquity.at)).first()
    last = session.scalars(in_order.order_by(BotEquity.at.desc())).first()
    if first is None or last is None:
        return Curve(_SPANS[0], [], [])
    span = next((each for each in _SPANS if (last - first) / each < MOST_POINTS), _SPANS[-1])
    day, last_day = market_hours.trading_date(first), market_hours.trading_date(last)
    place = func.date_bin(span, BotEquity.at, market_hours.midnight(day))
    rows = session.execute(
        select(BotEquity.at, BotEquity.equity, BotEquity.open_pnl)
        .ext(distinct_on(place))
        .where(*which)
        .order_by(place, BotEquity.at.desc())
    )
    sessions = []
    while day <= last_day:
        if (hours := market_hours.session(day, closures)) is not None:
            sessions.append(hours)
        day = market_hours.day_after(day)
    return Curve(span, _told([Point(*row) for row in rows], closures), sessions)


def _told(points: Iterable[Point], closures: Closures) -> list[Point]:
    """*points* without those outside of the sessions that show what the one before did; but never none."""
    told: list[Point] = []
    before: Point | None = None
    for point in points:
        is_new = before is not None and (point.equity, point.open_pnl) != (before.equity, before.open_pnl)
        if is_new or market_hours.is_open(point.at, closures):
            told.append(point)
        before = point
    return told or ([before] if before is not None else [])
