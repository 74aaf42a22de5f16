"""Lasting conditions, such as a missing worker."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import Timestamp


class BotCondition(Base):
    """A condition that holds now. Its row is deleted when it ends."""

    __tablename__ = "bot_condition"

    #: The kind of the alert about it.
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    since: Mapped[datetime] = mapped_column(Timestamp)
    #: When the alert was sent; null while it has not lasted long enough.
    told_at: Mapped[datetime | None] = mapped_column(Timestamp)
