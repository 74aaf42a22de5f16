"""Trades whose position was absent in a reconciliation without an explanation."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
)
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import Timestamp


class BotSuspect(Base):
    """An open trade whose position was missing in one reading without an explanation. A second such reading writes it off."""

    __tablename__ = "bot_suspect"

    trade_id: Mapped[UUID] = mapped_column(ForeignKey("bot_trade.id", ondelete="CASCADE"), primary_key=True)
    #: When the first of these readings began.
    since: Mapped[datetime] = mapped_column(Timestamp)
