"""Stores what the account is worth at each reading, one row a minute, and thins old rows out."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

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
    later = aliased(BotEquity)
    now = func.clock_timestamp()
    ends = func.date_bin(WIDTH, BotEquity.at, func.to_timestamp(0)) + WIDTH
    gone = session.execute(
        delete(BotEquity)
        .where(
            BotEquity.at < now - KEPT_WHOLE,
            BotEquity.at > now - LOOKED_BACK,
            select(later.at)
            .where(later.mode == BotEquity.mode, later.at > BotEquity.at, later.at < ends)
            .exists(),
        )
        .returning(BotEquity.at)
    )
    return len(gone.all())
