"""Flattens: cancelling every working order and closing every position, until the broker confirms that it is done."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import NOW, EnumText, Timestamp
from bot.states import Mode


class FlattenState(StrEnum):
    """The progress of a flatten."""

    WORKING = "working"
    WAITING_FOR_OPEN = "waiting_for_open"  # positions are left, and the market is closed
    FLAT = "flat"  # two readings of the broker confirmed it
    CANCELLED = "cancelled"


#: States in which there is something left to do.
AT_WORK = (FlattenState.WORKING, FlattenState.WAITING_FOR_OPEN)


class BotFlatten(Base):
    """One flatten, started by one command. At most one is at work."""

    __tablename__ = "bot_flatten"
    __table_args__ = (
        Index(
            "ix_bot_flatten_at_work",
            text("(true)"),
            unique=True,
            postgresql_where=text("state IN ('working', 'waiting_for_open')"),
        ),
        Index("ix_bot_flatten_started", "started_at"),
    )

    #: The command that started it; a kill's row is written after it.
    command_id: Mapped[UUID] = mapped_column(
        ForeignKey("bot_command.id", deferrable=True, initially="DEFERRED"), primary_key=True
    )
    mode: Mapped[Mode] = mapped_column(EnumText(Mode))
    #: The symbols that are flattened; null for the whole account.
    symbols: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))
    state: Mapped[FlattenState] = mapped_column(EnumText(FlattenState), server_default=FlattenState.WORKING)
    #: Rounds so far.
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    #: The orders left at the last reading; null before the first one.
    orders_left: Mapped[int | None] = mapped_column(Integer)
    #: ``{"symbol", "shares"}`` each, and ``"error"`` where the broker rejected its closing.
    positions_left: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    #: The orders that it sent: ``{"id", "symbol", "shares", "at"}`` each, shares unsigned.
    closing_orders: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    #: Positions whose closing was rejected, by symbol: ``{"tries", "at", "error"}``, with the time of the next try.
    retries: Mapped[dict[str, dict[str, Any]]] = mapped_column(JSONB, server_default=text("'{}'"))
    #: Why the last round did not get further.
    error: Mapped[str | None] = mapped_column(Text)
    #: When a reading first found nothing left; a second one has to confirm it.
    found_flat_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: When the alert was sent that it makes no progress.
    told_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: Until when a process has the right to work on it, and when its next round is due.
    leased_until: Mapped[datetime | None] = mapped_column(Timestamp)
    next_round_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)
    started_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)
