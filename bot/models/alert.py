"""Alerts, as rows of an outbox."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from bot.models.base import Base
from bot.models.types import EnumText, Timestamp


class AlertKind(StrEnum):
    """What happened."""

    KILLED = "killed"
    REARMED = "rearmed"
    STOPPED = "stopped"
    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    WENT_LIVE = "went_live"
    WENT_PAPER = "went_paper"
    THRESHOLDS_CHANGED = "thresholds_changed"
    SETTLED = "settled"  # an operator settled a difference or a trade
    APPROVAL_WANTED = "approval_wanted"  # a command waits for a second person
    NEW_ADDRESS = "new_address"  # an operator logged in from a new address
    LOCKED_OUT = "locked_out"  # too many wrong tokens came from one address
    LOG_HEAD = "log_head"  # the end of the log's chain of hashes, once a day
    RIGHT_REFUSED = "right_refused"  # a valid token asked for something that it may not do
    RECONCILIATION_FAILED = "reconciliation_failed"  # Alpaca gave no usable answer
    RECONCILIATION_DIFFERS = "reconciliation_differs"  # both sides were read, and do not agree
    RECONCILED = "reconciled"
    GATE_CLOSED = "gate_closed"  # for minutes, in market hours, while the bot should be running
    GATE_OPENED = "gate_opened"
    WORKER_GONE = "worker_gone"
    WORKER_BACK = "worker_back"
    DATABASE_NOT_WRITABLE = "database_not_writable"  # Postgres answers, but cannot be written
    DATABASE_WRITABLE = "database_writable"
    TRADES_MISSED = "trades_missed"  # written off: it is not known what happened to them
    CLOCKS_DISAGREE = "clocks_disagree"  # the broker's clock and the calendar
    CLOCKS_AGREE = "clocks_agree"
    FLATTENING = "flattening"  # orders are being cancelled and positions closed
    FLATTEN_WAITS = "flatten_waits"  # positions are left, and the market is closed
    FLATTEN_STUCK = "flatten_stuck"  # it makes no progress, for the reason given
    FLATTEN_CANCELLED = "flatten_cancelled"
    FLAT = "flat"  # the broker confirmed it
    TRADE_ENTERED = "trade_entered"  # only with ALERT_TRADES
    TRADE_CLOSED = "trade_closed"  # only with ALERT_TRADES
    TEST = "test"  # somebody wants to know whether alerts arrive


class AlertStatus(StrEnum):
    """How far the delivery of an alert is."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"  # it could not be delivered for a day; ``error`` says why


class BotAlert(Base):
    """One alert, with everything that its text needs. A receiver recognizes a repetition by the ``id``."""

    __tablename__ = "bot_alert"
    __table_args__ = (
        UniqueConstraint("seq", name="bot_alert_seq_is_unique"),
        Index("ix_bot_alert_queued", "seq", postgresql_where=text("status = 'queued'")),
        Index("ix_bot_alert_created_at", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, server_default=func.gen_random_uuid())
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    kind: Mapped[AlertKind] = mapped_column(EnumText(AlertKind))
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    status: Mapped[AlertStatus] = mapped_column(EnumText(AlertStatus), server_default=AlertStatus.QUEUED)
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    #: Why the last attempt failed.
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.clock_timestamp())
    next_attempt_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.clock_timestamp())
    #: Until when a process has the right to deliver it.
    leased_until: Mapped[datetime | None] = mapped_column(Timestamp)
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: When an operator acknowledged it, and who did.
    acknowledged_at: Mapped[datetime | None] = mapped_column(Timestamp)
    acknowledged_by: Mapped[str | None] = mapped_column(Text)
