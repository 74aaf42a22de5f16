"""The last reading of each account at the broker."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Boolean,
    Numeric,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import EnumText, Timestamp
from bot.states import Mode


class BotBrokerReading(Base):
    """The last usable reading of one mode's account: for people to look at, and for the gate."""

    __tablename__ = "bot_broker_reading"

    mode: Mapped[Mode] = mapped_column(EnumText(Mode), primary_key=True)
    read_at: Mapped[datetime] = mapped_column(Timestamp)
    #: ``{"status", "equity", "lastEquity", "buyingPower", "cash", "blocks": […]}``, amounts in US dollars as strings.
    account: Mapped[dict[str, Any]] = mapped_column(JSONB)
    #: ``{"symbol", "assetId", "shares", "avgEntryPrice", "currentPrice", "marketValue", "openPnl"}`` each, numbers as
    #: strings; null if there are too many to store.
    positions: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)
    #: Unrealized profit of all positions but the ignored ones, in US dollars.
    open_pnl: Mapped[Decimal | None] = mapped_column(Numeric)
    #: The broker's clock.
    market_open: Mapped[bool] = mapped_column(Boolean)
    next_open: Mapped[datetime | None] = mapped_column(Timestamp)
    next_close: Mapped[datetime | None] = mapped_column(Timestamp)
