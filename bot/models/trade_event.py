"""What happened to each trade: who changed what, from what to what, and why."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Identity,
    Index,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import EnumText, Timestamp


class TradeEventKind(StrEnum):
    """What changed."""

    OPENED = "opened"
    ENTRY_RECORDED = "entry_recorded"
    ENTRY_CORRECTED = "entry_corrected"  # by the broker's record
    EXIT_REASON_MARKED = "exit_reason_marked"
    EXIT_BOOKED = "exit_booked"  # of a part
    EXIT_REMOVED = "exit_removed"  # an exit that turned out not to be one
    CLOSED = "closed"  # by the exit of the rest
    MISSED = "missed"
    VOIDED = "voided"
    REOPENED = "reopened"
    ADOPTED = "adopted"
    ADJUSTED = "adjusted"
    ACKNOWLEDGED = "acknowledged"
    CORRECTED = "corrected"  # a closed trade, by an operator
    RENAMED = "renamed"  # the symbol changed, the asset did not


class BotTradeEvent(Base):
    """One change of one trade, permanently: a trigger prevents changing or deleting it, even if the trade is deleted."""

    __tablename__ = "bot_trade_event"
    __table_args__ = (
        Index("ix_bot_trade_event_trade", "trade_id", "id"),
        # orders that another one replaced, as reconciliation found them
        Index(
            "ix_bot_trade_event_replaced_order",
            text("(before ->> 'alpacaOrderId')"),
            postgresql_where=text("before ->> 'alpacaOrderId' IS NOT NULL"),
        ),
        # these are rare, and looked up for every trade in question
        Index("ix_bot_trade_event_renamed", "trade_id", postgresql_where=text("kind = 'renamed'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    trade_id: Mapped[UUID] = mapped_column(PgUuid)
    kind: Mapped[TradeEventKind] = mapped_column(EnumText(TradeEventKind))
    #: The fields that changed, by their names in JSON, before and after; numbers as strings.
    before: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    after: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    actor: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    #: The command, or else the Idempotency-Key of the request, that changed it.
    command_id: Mapped[UUID | None] = mapped_column(PgUuid)
    request_key: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.clock_timestamp())
