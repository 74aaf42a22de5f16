"""Statistics of a trading day."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    Date,
    Identity,
    Integer,
    Numeric,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import NOW, EnumText, Timestamp
from bot.states import Mode


class BotDailyStats(Base):
    """Statistics of one trading day in one mode: paper and live money are never added up."""

    __tablename__ = "bot_daily_stats"
    __table_args__ = (UniqueConstraint("date", "mode", name="bot_daily_stats_one_row_a_day_and_mode"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    date: Mapped[date] = mapped_column(Date)
    mode: Mapped[Mode] = mapped_column(EnumText(Mode))
    realized_pnl: Mapped[Decimal] = mapped_column(Numeric, server_default=text("0"))
    trade_count: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    day_trade_count: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW, onupdate=NOW)
