"""Heartbeats."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import NOW, Timestamp


class BotWorker(Base):
    """The heartbeat of one worker process."""

    __tablename__ = "bot_worker"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    started_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)
    last_seen_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)
    #: Why it takes no waiting message although it is alive; null if it does.
    trouble: Mapped[str | None] = mapped_column(Text)
