"""Requests to the ledger that came with an Idempotency-Key."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import NOW, Timestamp


class BotLedgerRequest(Base):
    """A request to the ledger that came with an Idempotency-Key, so that the same one again changes nothing."""

    __tablename__ = "bot_ledger_request"

    actor: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    request: Mapped[dict[str, Any]] = mapped_column(JSONB)
    trade_id: Mapped[UUID] = mapped_column(ForeignKey("bot_trade.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)
