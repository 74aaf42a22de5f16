"""Positions at the broker that are known and not the bot's."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    Numeric,
    Text,
)
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import NOW, EnumText, Timestamp
from bot.states import Mode


class BotIgnoredPosition(Base):
    """A quantity of a symbol that an operator declared not to be the bot's. It ends when the quantity changes."""

    __tablename__ = "bot_ignored_position"

    mode: Mapped[Mode] = mapped_column(EnumText(Mode), primary_key=True)
    symbol: Mapped[str] = mapped_column(Text, primary_key=True)
    asset_id: Mapped[str | None] = mapped_column(Text)
    shares: Mapped[Decimal] = mapped_column(Numeric)
    reason: Mapped[str | None] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    command_id: Mapped[UUID | None] = mapped_column(PgUuid)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)
