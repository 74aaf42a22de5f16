"""Exits: one row for each fill, or part of a fill, that ends a trade or a part of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import NOW, EnumText, Timestamp


class ExitSource(StrEnum):
    """How an exit became known."""

    LEDGER = "ledger"  # a program recorded it
    RECONCILIATION = "reconciliation"  # found in the broker's fills
    SETTLEMENT = "settlement"  # an operator gave it
    FLATTEN = "flatten"  # a flatten closed the position


class BotTradeExit(Base):
    """One exit of one trade. The trade is closed when its exits add up to its shares."""

    __tablename__ = "bot_trade_exit"
    __table_args__ = (
        CheckConstraint("shares <> 0", name="bot_trade_exit_has_shares"),
        CheckConstraint("price > 0", name="bot_trade_exit_price_is_positive"),
        Index("ix_bot_trade_exit_trade", "trade_id"),
        Index("ix_bot_trade_exit_of_order", "order_id", postgresql_where=text("order_id IS NOT NULL")),
        Index("ix_bot_trade_exit_made_at", "at"),
        Index(
            "ix_bot_trade_exit_fill",
            "trade_id",
            "fill_id",
            unique=True,
            postgresql_where=text("fill_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    trade_id: Mapped[UUID] = mapped_column(ForeignKey("bot_trade.id", ondelete="CASCADE"))
    #: Signed like the trade's shares: an exit of a long trade has positive ones.
    shares: Mapped[Decimal] = mapped_column(Numeric)
    #: US dollars for one share.
    price: Mapped[Decimal] = mapped_column(Numeric)
    at: Mapped[datetime] = mapped_column(Timestamp)
    #: Alpaca's order that left the position, where it is known.
    order_id: Mapped[str | None] = mapped_column(Text)
    #: Alpaca's id of the fill (of the activity), where the exit was found there.
    fill_id: Mapped[str | None] = mapped_column(Text)
    #: US dollars.
    pnl: Mapped[Decimal] = mapped_column(Numeric)
    source: Mapped[ExitSource] = mapped_column(EnumText(ExitSource))
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)
