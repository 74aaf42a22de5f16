"""What stays open when the bot is stopped: positions and working orders, as the database knows them. The broker is not asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.models import BotBrokerReading, BotConfig, BotTrade, TradeStatus

#: Trades that are looked at, the latest.
MOST_TRADES = 200


@dataclass(frozen=True)
class OpenPosition:
    """Shares of one symbol."""

    symbol: str
    #: Signed: negative is short.
    shares: Decimal


@dataclass(frozen=True)
class WorkingOrder:
    """An entry that is not known to have filled; its id is Alpaca's, if it was recorded."""

    order_id: str | None
    symbol: str
    shares: Decimal


@dataclass(frozen=True)
class Exposure:
    """What stays open at the broker when the bot is stopped."""

    #: When the broker's positions were last read; None if they never were, or were too many to store.
    read_at: datetime | None
    positions: Sequence[OpenPosition]
    working_orders: Sequence[WorkingOrder]


def read(session: Session) -> Exposure:
    """What stays open of the present mode: the broker's positions as they were last read, and the shares of trades that are
    open in the database and not among them."""
    reading = session.scalars(
        select(BotBrokerReading).join(BotConfig, BotConfig.mode == BotBrokerReading.mode)
    ).one_or_none()
    trades = session.scalars(
        select(BotTrade)
        .where(BotTrade.status == TradeStatus.OPEN)
        .order_by(BotTrade.created_at.desc())
        .limit(MOST_TRADES)
    ).all()
    held: dict[str, Decimal] = {}
    known = reading.positions if reading is not None else None
    for row in known or ():
        held[str(row["symbol"])] = Decimal(str(row["shares"]))
    booked: dict[str, Decimal] = {}
    for trade in trades:
        if trade.filled and trade.symbol not in held:
            booked[trade.symbol] = booked.get(trade.symbol, Decimal(0)) + trade.open_shares
    return Exposure(
        read_at=reading.read_at if reading is not None and known is not None else None,
        positions=[OpenPosition(symbol, shares) for symbol, shares in sorted((held | booked).items())],
        working_orders=[
            WorkingOrder(trade.alpaca_order_id, trade.symbol, trade.shares)
            for trade in trades
            if not trade.filled
        ],
    )
