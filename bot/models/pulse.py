"""Signs of life."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import EnumText, Timestamp


class Sign(StrEnum):
    """What gives a sign of life."""

    BEAT = "beat"  # Celery's beat, while it ticks
    WRITE = "write"  # what web writes to find out whether the database can be written


class BotPulse(Base):
    """When a sign of life was last given."""

    __tablename__ = "bot_pulse"

    name: Mapped[Sign] = mapped_column(EnumText(Sign), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.clock_timestamp())
