"""The account's equity over time."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Numeric
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import EnumText, Timestamp
from bot.states import Mode


class BotEquity(Base):
    """What the account of one mode was worth at the last reading of one minute; after a week, of one half hour."""

    __tablename__ = "bot_equity"

    mode: Mapped[Mode] = mapped_column(EnumText(Mode), primary_key=True)
    #: The full minute in which it was read.
    at: Mapped[datetime] = mapped_column(Timestamp, primary_key=True)
    #: US dollars, with what is open.
    equity: Mapped[Decimal] = mapped_column(Numeric)
    #: Unrealized profit of all positions but the ignored ones, in US dollars; null if the broker had no price for one of them.
    open_pnl: Mapped[Decimal | None] = mapped_column(Numeric)
