"""Accounts at which Pitboss had new orders rejected, because the bot was killed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import EnumText, Timestamp
from bot.states import Mode


class BotSuspension(Base):
    """Says that Pitboss has set ``suspend_trade`` of one mode's account, or is about to. Without a row, Pitboss has not set it and
    does not reset it."""

    __tablename__ = "bot_suspension"

    mode: Mapped[Mode] = mapped_column(EnumText(Mode), primary_key=True)
    #: When the broker confirmed it; null until then.
    suspended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: Why the last attempt to change it failed.
    error: Mapped[str | None] = mapped_column(Text)
    #: When the next attempt is due.
    next_attempt_at: Mapped[datetime] = mapped_column(Timestamp)
