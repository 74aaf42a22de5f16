"""The tables. Plain SQLAlchemy classes: the worker uses them without Flask, ``web`` hands their metadata to
Flask-SQLAlchemy. Money is NUMERIC in US dollars, times are aware UTC, trading dates are New York's."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bot.columns import NOW, EnumText, IntegerList, Timestamp
from bot.states import BotState, CommandKind, CommandStatus, Mode, Source

SINGLETON = "singleton"


class TradeStatus(StrEnum):
    """Where a trade is in its life."""

    OPEN = "open"
    CLOSED = "closed"
    MISSED = "missed"  # its position was gone at the broker; what became of it is not known
    VOID = "void"  # its entry order never filled: there never was a position


class ExitReason(StrEnum):
    """Why a trade ended."""

    TRAILING_STOP = "trailing_stop"
    HARD_STOP = "hard_stop"
    PROFIT_TARGET = "profit_target"
    TIME_EXIT = "time_exit"
    FORCE_CLOSE = "force_close"
    RECONCILED_MISSING_ON_STARTUP = "reconciled_missing_on_startup"
    RECONCILED_MISSING = "reconciled_missing"  # found by a reconciliation that an operator asked for


class Trigger(StrEnum):
    """What set a reconciliation off."""

    STARTUP = "startup"
    MANUAL = "manual"
    MODE_SWITCH = "mode_switch"
    RETRY = "retry"


class Outcome(StrEnum):
    """How a reconciliation ended."""

    OK = "ok"  # Alpaca was read and compared; the report says whether both sides agree
    FAILED = "failed"  # unknown: nothing was touched


class Base(DeclarativeBase):
    pass


class BotConfig(Base):
    """What the bot is and may do: exactly one row. Only ``bot.controller`` writes it."""

    __tablename__ = "bot_config"
    __table_args__ = (
        CheckConstraint(f"id = '{SINGLETON}'", name="bot_config_is_one_row"),
        CheckConstraint("killed_at IS NULL OR state = 'stopped'", name="bot_config_killed_is_stopped"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True, server_default=SINGLETON)
    enabled: Mapped[bool] = mapped_column(server_default=false())
    state: Mapped[BotState] = mapped_column(EnumText(BotState), server_default=BotState.STOPPED)
    mode: Mapped[Mode] = mapped_column(EnumText(Mode), server_default=Mode.PAPER)
    killed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    kill_reason: Mapped[str | None] = mapped_column(Text)
    #: +1 with every applied command.
    revision: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    #: ``seq`` of the last applied stop or kill: what was issued before it must never start the bot again.
    halt_seq: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))

    #: When the database and the broker were last found to agree; null closes the gate.
    reconciled_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: When the next attempt is due, and while one is under way, until when it holds the right to it.
    reconcile_due_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: When a worker's start or a mode switch last closed the gate: no attempt that began before may open it.
    gate_closed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: When the attempt began that decided about the gate last: one that began before it comes too late to.
    reconcile_began_at: Mapped[datetime | None] = mapped_column(Timestamp)
    reconcile_trigger: Mapped[Trigger | None] = mapped_column(EnumText(Trigger))
    #: Attempts in a row that did not open the gate: the retry's backoff grows with them.
    reconcile_failures: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    #: Alpaca's account id, bound to the mode by the first success.
    paper_account_id: Mapped[str | None] = mapped_column(Text)
    live_account_id: Mapped[str | None] = mapped_column(Text)

    position_size_usd: Mapped[Decimal] = mapped_column(Numeric, server_default=text("500"))
    confidence_multiplier_high: Mapped[Decimal] = mapped_column(Numeric, server_default=text("2.0"))
    confidence_multiplier_med: Mapped[Decimal] = mapped_column(Numeric, server_default=text("1.0"))
    confidence_multiplier_low: Mapped[Decimal] = mapped_column(Numeric, server_default=text("0.5"))
    max_concurrent_positions: Mapped[int] = mapped_column(Integer, server_default=text("3"))
    daily_loss_limit_usd: Mapped[Decimal] = mapped_column(Numeric, server_default=text("500"))
    min_win_rate: Mapped[Decimal] = mapped_column(Numeric, server_default=text("0.5"))
    hard_stop_loss_pct: Mapped[Decimal] = mapped_column(Numeric, server_default=text("7.0"))
    max_hold_duration_sec: Mapped[int] = mapped_column(Integer, server_default=text("300"))
    enabled_catalyst_tiers: Mapped[list[int]] = mapped_column(IntegerList, server_default="1,2,3,4")
    max_float_shares: Mapped[int] = mapped_column(BigInteger, server_default=text("20000000"))
    max_share_price: Mapped[Decimal] = mapped_column(Numeric, server_default=text("20"))
    min_relative_volume: Mapped[Decimal] = mapped_column(Numeric, server_default=text("5"))
    updated_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)

    @property
    def killed(self) -> bool:
        return self.killed_at is not None

    @property
    def account_id(self) -> str | None:
        """The Alpaca account that the present mode is bound to; None before the first success."""
        return self.paper_account_id if self.mode is Mode.PAPER else self.live_account_id


class BotTrade(Base):
    """One trade, from entry to exit. Short trades have negative ``shares``."""

    __tablename__ = "bot_trade"
    __table_args__ = (
        CheckConstraint("shares <> 0", name="bot_trade_has_shares"),
        CheckConstraint("entry_price > 0", name="bot_trade_entry_price_is_positive"),
        CheckConstraint("catalyst_tier BETWEEN 1 AND 4", name="bot_trade_tier_is_1_to_4"),
        Index("ix_bot_trade_status", "status"),
        Index("ix_bot_trade_symbol", "symbol"),
        Index("ix_bot_trade_created_at", "created_at"),
        Index("ix_bot_trade_exit_at", "exit_at", postgresql_where=text("pnl IS NOT NULL")),
        Index("ix_bot_trade_open", "symbol", postgresql_where=text("status = 'open'")),
        Index(
            "ix_bot_trade_order",
            "alpaca_order_id",
            unique=True,
            postgresql_where=text("alpaca_order_id IS NOT NULL"),
        ),
        Index(
            "ix_bot_trade_exit_order",
            "alpaca_exit_order_id",
            unique=True,
            postgresql_where=text("alpaca_exit_order_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, server_default=func.gen_random_uuid())
    symbol: Mapped[str] = mapped_column(Text)
    entry_price: Mapped[Decimal] = mapped_column(Numeric)
    exit_price: Mapped[Decimal | None] = mapped_column(Numeric)
    shares: Mapped[Decimal] = mapped_column(Numeric)
    pnl: Mapped[Decimal | None] = mapped_column(Numeric)
    catalyst_type: Mapped[str | None] = mapped_column(Text)
    catalyst_tier: Mapped[int | None] = mapped_column(Integer)
    exit_reason: Mapped[ExitReason | None] = mapped_column(EnumText(ExitReason))
    status: Mapped[TradeStatus] = mapped_column(EnumText(TradeStatus), server_default=TradeStatus.OPEN)
    note: Mapped[str | None] = mapped_column(Text)
    #: The account it was opened at; null where another program than the ledger wrote the row.
    mode: Mapped[Mode | None] = mapped_column(EnumText(Mode))
    #: Whether its entry is known to have filled. Until then price and shares are what was asked for.
    filled: Mapped[bool] = mapped_column(server_default=true())
    alpaca_order_id: Mapped[str | None] = mapped_column(Text)
    alpaca_exit_order_id: Mapped[str | None] = mapped_column(Text)
    entry_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)
    exit_at: Mapped[datetime | None] = mapped_column(Timestamp)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW, onupdate=NOW)


class BotLedgerRequest(Base):
    """A request to the ledger that came with an Idempotency-Key, so that the same one again changes nothing."""

    __tablename__ = "bot_ledger_request"

    actor: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    request: Mapped[dict[str, Any]] = mapped_column(JSONB)
    trade_id: Mapped[UUID] = mapped_column(ForeignKey("bot_trade.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)


class BotDailyStats(Base):
    """Statistics of one trading day."""

    __tablename__ = "bot_daily_stats"
    __table_args__ = (UniqueConstraint("date", name="bot_daily_stats_one_row_a_day"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    date: Mapped[date] = mapped_column(Date)
    realized_pnl: Mapped[Decimal] = mapped_column(Numeric, server_default=text("0"))
    trade_count: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    day_trade_count: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW, onupdate=NOW)


class BotCommand(Base):
    """One command, for good: a finished row never changes and none is deleted (triggers refuse both)."""

    __tablename__ = "bot_command"
    __table_args__ = (
        UniqueConstraint("seq", name="bot_command_seq_is_unique"),
        UniqueConstraint("revision", name="bot_command_revision_is_unique"),
        CheckConstraint(
            "(status = 'queued') = (finished_at IS NULL)", name="bot_command_finished_has_a_time"
        ),
        CheckConstraint(
            "(status = 'applied') = (revision IS NOT NULL)", name="bot_command_applied_has_a_revision"
        ),
        Index("ix_bot_command_pending", "seq", postgresql_where=text("status = 'queued'")),
        Index(
            "ix_bot_command_idempotency",
            "actor",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    kind: Mapped[CommandKind] = mapped_column(EnumText(CommandKind))
    params: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    actor: Mapped[str] = mapped_column(Text)
    source: Mapped[Source] = mapped_column(EnumText(Source))
    reason: Mapped[str | None] = mapped_column(Text)
    idempotency_key: Mapped[str | None] = mapped_column(Text)
    status: Mapped[CommandStatus] = mapped_column(
        EnumText(CommandStatus), server_default=CommandStatus.QUEUED
    )
    from_state: Mapped[BotState | None] = mapped_column(EnumText(BotState))
    to_state: Mapped[BotState | None] = mapped_column(EnumText(BotState))
    #: The mode after the command: which account a start concerned.
    mode: Mapped[Mode | None] = mapped_column(EnumText(Mode))
    revision: Mapped[int | None] = mapped_column(BigInteger)
    error_code: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    error_details: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    issued_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.clock_timestamp())
    expires_at: Mapped[datetime | None] = mapped_column(Timestamp)
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: Until when a process has the right to gather this command's evidence.
    gathering_until: Mapped[datetime | None] = mapped_column(Timestamp)

    @property
    def pending(self) -> bool:
        return self.status is CommandStatus.QUEUED


class BotWorker(Base):
    """The heartbeat of one worker process."""

    __tablename__ = "bot_worker"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    started_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)
    last_seen_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)


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
    open_trades: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    broker_positions: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    matched: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    missed: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    in_flight: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    #: One entry for each symbol that disagreed: ``{"symbol", "kind", "here", "there"}``, quantities as strings.
    differences: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
