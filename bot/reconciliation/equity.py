"""Stores what the account is worth at each reading, one row a minute, and thins old rows out."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ColumnExpressionArgument, delete, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.models import BotEquity
from bot.reconciliation.evidence import Reading
from bot.reconciliation.last_reading import open_pnl

#: Younger rows stay; of older ones the last of each WIDTH.
KEPT_WHOLE = timedelta(days=7)
WIDTH = timedelta(minutes=30)
#: How far back rows are thinned out: those before that were.
LOOKED_BACK = timedelta(days=37)


def keep(session: Session, reading: Reading) -> None:
    """Store the equity of *reading*; within one minute the last one counts."""
    values = {"equity": reading.account.equity, "open_pnl": open_pnl(reading)}
    session.execute(
        insert(BotEquity)
        .values(mode=reading.mode, at=reading.read_at.replace(second=0, microsecond=0), **values)
        .on_conflict_do_update(index_elements=[BotEquity.mode, BotEquity.at], set_=values)
    )


def thin_out(session: Session) -> int:
    """Delete old rows, except for the last of each half hour. Returns how many were deleted."""
    now = func.clock_timestamp()
    follows = func.lead(BotEquity.at).over(partition_by=BotEquity.mode, order_by=BotEquity.at)
    old = (
        select(BotEquity.mode, BotEquity.at, (_span(follows) == _span(BotEquity.at)).label("is_not_the_last"))
        .where(BotEquity.at < now - KEPT_WHOLE, BotEquity.at > now - LOOKED_BACK)
        .subquery()
    )
    gone = (
        delete(BotEquity)
        .where(
            tuple_(BotEquity.mode, BotEquity.at).in_(
                select(old.c.mode, old.c.at).where(old.c.is_not_the_last)
            )
        )
        .returning(literal(1))
        .cte()
    )
    # counted there: to read a month of rows takes this program longer than Postgres lets a transaction idle
    return session.scalars(select(func.count()).select_from(gone)).one()


def _span(at: ColumnExpressionArgument[datetime]) -> ColumnElement[datetime]:
    return func.date_bin(WIDTH, at, func.to_timestamp(0))
