"""Reports of reconciliations."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import EnumText, Timestamp
from bot.states import Mode


class Trigger(StrEnum):
    """What set a reconciliation off."""

    STARTUP = "startup"
    MANUAL = "manual"
    MODE_SWITCH = "mode_switch"
    RETRY = "retry"
    PERIODIC = "periodic"
    SETTLE = "settle"


class Outcome(StrEnum):
    """How a reconciliation ended."""

    OK = "ok"  # Alpaca was read and compared; the report says whether both sides agree
    FAILED = "failed"  # unknown: nothing was touched


class BotReconciliation(Base):
    """The report of one attempt to compare the open trades with the broker's positions."""

    __tablename__ = "bot_reconciliation"
    __table_args__ = (
        Index("ix_bot_reconciliation_command", "command_id", postgresql_where=text("command_id IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    trigger: Mapped[Trigger] = mapped_column(EnumText(Trigger))
    mode: Mapped[Mode] = mapped_column(EnumText(Mode))
    #: The ``reconcile`` command that asked for it.
    command_id: Mapped[UUID | None] = mapped_column(ForeignKey("bot_command.id"))
    started_at: Mapped[datetime] = mapped_column(Timestamp)
    finished_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.clock_timestamp())
    outcome: Mapped[Outcome] = mapped_column(EnumText(Outcome))
    error_code: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    account_id: Mapped[str | None] = mapped_column(Text)
    #: Counts; null in a report that failed, since nothing is known then.
    open_trades: Mapped[int | None] = mapped_column(Integer)
    broker_positions: Mapped[int | None] = mapped_column(Integer)
    matched: Mapped[int | None] = mapped_column(Integer)
    missed: Mapped[int | None] = mapped_column(Integer)
    in_flight: Mapped[int | None] = mapped_column(Integer)
    #: Absent without an explanation for the first time.
    suspect: Mapped[int | None] = mapped_column(Integer)
    #: Exits booked from the broker's fills, entries corrected from them, trades made void.
    booked: Mapped[int | None] = mapped_column(Integer)
    corrected: Mapped[int | None] = mapped_column(Integer)
    voided: Mapped[int | None] = mapped_column(Integer)
    #: Requests that were made to Alpaca for it.
    requests: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    #: One entry for each symbol that disagreed: ``{"symbol", "kind", "here", "there"}``, quantities as strings.
    differences: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
