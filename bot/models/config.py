"""The bot itself: what it is and may do."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Integer,
    Numeric,
    Text,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, MappedColumn, mapped_column

from bot.models.base import SINGLETON, Base
from bot.models.reconciliation import Trigger
from bot.models.thresholds import THRESHOLDS
from bot.models.types import NOW, EnumText, IntegerList, Timestamp
from bot.states import BotState, Mode


def _threshold(name: str, type_: Any) -> MappedColumn[Any]:
    return mapped_column(type_, server_default=THRESHOLDS[name].server_default)


class BotConfig(Base):
    """What the bot is and may do: exactly one row. Only ``bot.commands.controller`` writes it."""

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
    #: ``seq`` and time of issue of the last stop or kill that was judged, applied or not: what was issued before it must
    #: never start the bot again.
    halt_seq: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    halted_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: When the last applied ``update_config`` was issued.
    configured_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: A kill that took effect while the log could not be written: the content of its row; null once that is written.
    unlogged_kill: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))

    #: When the database and the broker were last found to agree; null closes the gate.
    reconciled_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: The same, for display: it stays when the gate is closed.
    agreed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: When the next attempt is due; while one is under way, when its right to the attempt ends.
    reconcile_due_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: When a worker's start or a mode switch last closed the gate: no attempt that began before may open it.
    gate_closed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: What closed it then: a worker's start or a mode switch.
    gate_closed_by: Mapped[Trigger | None] = mapped_column(EnumText(Trigger))
    #: When the attempt began that last decided about the gate: an earlier one no longer may.
    reconcile_began_at: Mapped[datetime | None] = mapped_column(Timestamp)
    reconcile_trigger: Mapped[Trigger | None] = mapped_column(EnumText(Trigger))
    #: Consecutive attempts that did not open the gate: the wait before a retry grows with them.
    reconcile_failures: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    #: Alpaca's account id, bound to the mode by the first success.
    paper_account_id: Mapped[str | None] = mapped_column(Text)
    live_account_id: Mapped[str | None] = mapped_column(Text)

    position_size_usd: Mapped[Decimal] = _threshold("position_size_usd", Numeric)
    confidence_multiplier_high: Mapped[Decimal] = _threshold("confidence_multiplier_high", Numeric)
    confidence_multiplier_med: Mapped[Decimal] = _threshold("confidence_multiplier_med", Numeric)
    confidence_multiplier_low: Mapped[Decimal] = _threshold("confidence_multiplier_low", Numeric)
    max_concurrent_positions: Mapped[int] = _threshold("max_concurrent_positions", Integer)
    daily_loss_limit_usd: Mapped[Decimal] = _threshold("daily_loss_limit_usd", Numeric)
    min_win_rate: Mapped[Decimal] = _threshold("min_win_rate", Numeric)
    hard_stop_loss_pct: Mapped[Decimal] = _threshold("hard_stop_loss_pct", Numeric)
    max_hold_duration_sec: Mapped[int] = _threshold("max_hold_duration_sec", Integer)
    enabled_catalyst_tiers: Mapped[list[int]] = _threshold("enabled_catalyst_tiers", IntegerList)
    max_float_shares: Mapped[int] = _threshold("max_float_shares", BigInteger)
    max_share_price: Mapped[Decimal] = _threshold("max_share_price", Numeric)
    min_relative_volume: Mapped[Decimal] = _threshold("min_relative_volume", Numeric)
    count_open_loss: Mapped[bool] = _threshold("count_open_loss", Boolean)
    updated_at: Mapped[datetime] = mapped_column(Timestamp, server_default=NOW)

    @property
    def killed(self) -> bool:
        """Whether the kill latch is on."""
        return self.killed_at is not None

    @property
    def account_id(self) -> str | None:
        """The Alpaca account that the present mode is bound to; None before the first success."""
        return self.paper_account_id if self.mode is Mode.PAPER else self.live_account_id
