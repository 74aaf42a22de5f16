"""Trades."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Index,
    Integer,
    Numeric,
    Text,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import NOW, EnumText, Timestamp
from bot.states import Mode


class TradeStatus(StrEnum):
    """The status of a trade."""

    OPEN = "open"
    CLOSED = "closed"
    MISSED = "missed"  # its position is gone at the broker, and it is not known why
    VOID = "void"  # its entry order never filled: there never was a position


class ExitReason(StrEnum):
    """Why a trade ended."""

    TRAILING_STOP = "trailing_stop"
    HARD_STOP = "hard_stop"
    PROFIT_TARGET = "profit_target"
    TIME_EXIT = "time_exit"
    FORCE_CLOSE = "force_close"
    RECONCILED_MISSING_ON_STARTUP = "reconciled_missing_on_startup"
    RECONCILED_MISSING = "reconciled_missing"  # found by any later reconciliation
    RECONCILED_EXIT = (
        "reconciled_exit"  # an exit that no program had marked, known from the broker's fills or an operator
    )


class BotTrade(Base):
    """One trade, from entry to exit. Short trades have negative ``shares``."""

    __tablename__ = "bot_trade"
    __table_args__ = (
        CheckConstraint("shares <> 0", name="bot_trade_has_shares"),
        CheckConstraint("entry_price > 0", name="bot_trade_entry_price_is_positive"),
        CheckConstraint("catalyst_tier BETWEEN 1 AND 4", name="bot_trade_tier_is_1_to_4"),
        Index("ix_bot_trade_status", "status"),
        Index("ix_bot_trade_symbol", "symbol"),
        Index("ix_bot_trade_created_at", "created_at"),
        Index("ix_bot_trade_entry_at", "entry_at"),
        # for the filters of the list, each of which is read from the newest row on
        Index("ix_bot_trade_of_symbol", "symbol", "created_at", "id"),
        Index("ix_bot_trade_of_status", "status", "created_at", "id"),
        Index("ix_bot_trade_exit_at", "exit_at", postgresql_where=text("pnl IS NOT NULL")),
        Index("ix_bot_trade_of_asset", "asset_id"),
        Index("ix_bot_trade_open", "symbol", postgresql_where=text("status = 'open'")),
        Index(
            "ix_bot_trade_unsettled",
            "id",
            postgresql_where=text("status = 'missed' AND filled AND acknowledged_at IS NULL"),
        ),
        Index(
            "ix_bot_trade_order",
            "alpaca_order_id",
            unique=True,
            postgresql_where=text("alpaca_order_id IS NOT NULL"),
        ),
        Index(
            "ix_bot_trade_exit_order",
            "alpaca_exit_order_id",
            unique=True,
            postgresql_where=text("alpaca_exit_order_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, server_default=func.gen_random_uuid())
    symbol: Mapped[str] = mapped_column(Text)
    #: Alpaca's id of the asset, where it is known: a symbol can change, this stays.
    asset_id: Mapped[str | None] = mapped_column(Text)
    entry_price: Mapped[Decimal] = mapped_column(Numeric)
    exit_price: Mapped[Decimal | None] = mapped_column(Numeric)
    shares: Mapped[Decimal] = mapped_column(Numeric)
    #: Shares whose exit is booked, signed like ``shares``: the sum of the trade's rows in bot_trade_exit.
    exited_shares: Mapped[Decimal] = mapped_column(Numeric, server_default=text("0"))
    pnl: Mapped[Decimal | None] = mapped_column(Numeric)
    catalyst_type: Mapped[str | None] = mapped_column(Text)
    catalyst_tier: Mapped[int | None] = mapped_column(Integer)
    exit_reason: Mapped[ExitReason | None] = mapped_column(EnumText(ExitReason))
    status: Mapped[TradeStatus] = mapped_column(EnumText(TradeStatus), server_default=TradeStatus.OPEN)
    note: Mapped[str | None] = mapped_column(Text)
    #: The mode in which it was opened; null if a program wrote the row without the ledger.
    mode: Mapped[Mode | None] = mapped_column(EnumText(Mode))
    #: Whether its entry is known to have filled. Until then price and shares are those that were ordered.
    filled: Mapped[bool] = mapped_column(server_default=true())
    #: When an operator last set its shares or its entry price; reconciliation does not correct the entry after that.
    adjusted_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: When an operator acknowledged that a missed trade has no result.
    acknowledged_at: Mapped[datetime | None] = mapped_column(Timestamp)
    alpaca_order_id: Mapped[str | None] = mapped_column(Text)
    alpaca_exit_order_id: Mapped[str | None] = mapped_column(Text)
    entry_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)
    exit_at: Mapped[datetime | None] = mapped_column(Timestamp)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW, onupdate=NOW)

    @property
    def open_shares(self) -> Decimal:
        """Shares that are still held: those that filled minus those whose exit is booked. Negative is short."""
        return self.shares - self.exited_shares
