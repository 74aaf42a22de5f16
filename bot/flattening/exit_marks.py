"""Marks the trades that a flatten is about to end, so that their exits are booked with this reason."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from bot.booking.booking import Booking
from bot.models import BotFlatten, BotTrade, ExitReason, TradeStatus
from bot.states import Mode


def any_unmarked(session: Session, mode: Mode, symbols: Collection[str], assets: Collection[str]) -> bool:
    """Whether an open trade of these *symbols* or *assets* (Alpaca's ids) has no exit reason yet."""
    return bool(session.scalar(select(exists().where(*_unmarked(mode, symbols, assets)))))


def mark(
    session: Session, booking: Booking, mode: Mode, symbols: Collection[str], assets: Collection[str]
) -> None:
    """Mark them with ``force_close``; a reason that the executor gave stays."""
    for trade in session.scalars(select(BotTrade).where(*_unmarked(mode, symbols, assets))).all():
        booking.mark_exit_reason(trade, ExitReason.FORCE_CLOSE)


def clear(session: Session, booking: Booking, flatten: BotFlatten) -> None:
    """Remove the mark from the trades of which nothing was sold when *flatten* ended."""
    marked = select(BotTrade).where(
        BotTrade.status == TradeStatus.OPEN,
        BotTrade.exited_shares == 0,
        BotTrade.exit_reason == ExitReason.FORCE_CLOSE,
        _of_mode(flatten.mode),
    )
    if flatten.symbols is not None:
        marked = marked.where(BotTrade.symbol.in_(flatten.symbols))
    for trade in session.scalars(marked).all():
        booking.mark_exit_reason(trade, None)


def _unmarked(mode: Mode, symbols: Collection[str], assets: Collection[str]) -> list[ColumnElement[bool]]:
    return [
        BotTrade.status == TradeStatus.OPEN,
        BotTrade.exit_reason.is_(None),
        _of_mode(mode),
        or_(BotTrade.symbol.in_(symbols), BotTrade.asset_id.in_([asset for asset in assets if asset])),
    ]


def _of_mode(mode: Mode) -> ColumnElement[bool]:
    # trades from before this column existed belong to the present mode
    return or_(BotTrade.mode == mode, BotTrade.mode.is_(None))
