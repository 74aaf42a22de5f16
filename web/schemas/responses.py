"""The schemas of the answers to commands, and of lists; the others have files of their own.

A row may contain words that only a newer release knows: they are shown unchanged, while the document lists those of this
release.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field, create_model

from bot.models import Outcome, TradeEventKind, Trigger
from bot.models.thresholds import THRESHOLDS, ThresholdType
from bot.states import BotState, CommandKind, CommandStatus, Mode, Source
from web.schemas.base import Number, Shape


class ErrorOut(Shape):
    error: str = Field(description="One sentence for a person.")
    code: str = Field(description="A slug for a program.")
    details: dict[str, Any]


class DifferenceOut(Shape):
    symbol: str
    kind: Literal["unknown_here", "quantity", "side", "suspect"] | str
    here: str = Field(description="Shares in the database; negative is short.")
    there: str = Field(description="Shares at Alpaca; negative is short.")
    trade_ids: list[UUID] = Field([], description="The open trades of it, at most a hundred.")


class ReconciliationOut(Shape):
    id: int
    trigger: Trigger | str
    mode: Mode | str
    command_id: UUID | None
    started_at: datetime
    finished_at: datetime
    requests: int = Field(description="Requests made to Alpaca for it.")
    suspect: int | None = Field(description="Trades whose position is missing for the first time.")
    booked: int | None = Field(description="Exits that were booked from the broker's fills.")
    corrected: int | None = Field(description="Entries that were corrected from the broker's record.")
    voided: int | None = Field(description="Trades whose entry never filled.")
    outcome: Outcome | str
    error_code: str | None
    error: str | None
    account_id: str | None
    open_trades: int | None = Field(description="Null, like the other counts, if the attempt failed.")
    broker_positions: int | None
    matched: int | None
    missed: int | None
    in_flight: int | None
    differences: list[DifferenceOut]


class ActionOut(Shape):
    state: BotState = Field(
        description="The bot's state after the command, or, while it is queued, the present one."
    )
    mode: Mode
    command_id: UUID
    status: CommandStatus
    revision: int | None = Field(description="The revision that the command led to.")
    warning: str | None = Field(None, description="What went wrong although the command was applied.")


class OpenPositionOut(Shape):
    symbol: str
    shares: Number = Field(description="Negative for a short position.")


class WorkingOrderOut(Shape):
    order_id: str | None
    symbol: str
    shares: Number


class ExposureOut(Shape):
    read_at: datetime | None = Field(description="When the broker's positions were last read.")
    positions: list[OpenPositionOut] = Field(
        description="Positions at the last reading of the broker, and those of trades opened since."
    )
    working_orders: list[WorkingOrderOut] = Field(description="Entries that are not known to have filled.")


class KillOut(ActionOut):
    stays_open: ExposureOut | None = Field(
        None, description="What the kill leaves open; null if that could not be read, or is flattened."
    )


class PositionLeftOut(Shape):
    symbol: str
    shares: Number = Field(description="Still to be closed; negative is short.")
    error: str | None = Field(None, description="Why its closing was rejected; it is tried again.")


class FlattenOut(Shape):
    state: Literal["none", "working", "waiting_for_open", "flat", "cancelled"] | str
    command_id: UUID | None = Field(None, description="The command that started the last one.")
    mode: Mode | str | None = None
    symbols: list[str] | None = Field(None, description="What is flattened; null for the whole account.")
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: int = Field(0, description="Rounds of reading, cancelling and closing.")
    orders_left: int | None = Field(
        None, description="Working orders that are left; null until the broker was read."
    )
    positions_left: list[PositionLeftOut] | None = Field(
        None, description="The positions left after the last round; null until the broker was read."
    )
    error: str | None = Field(None, description="Why the last round did not get further.")


class ReconcileOut(ActionOut):
    reconciliation: ReconciliationOut | None = None


_THRESHOLDS: dict[str, Any] = {
    name: (
        {
            ThresholdType.DECIMAL: Number,
            ThresholdType.INTEGER: int,
            ThresholdType.TIERS: list[int],
            ThresholdType.BOOLEAN: bool,
        }[threshold.type],
        Field(description=threshold.description),
    )
    for name, threshold in THRESHOLDS.items()
}
ConfigOut = create_model("ConfigOut", __base__=Shape, revision=int, updated_at=datetime, **_THRESHOLDS)
ConfigChangedOut = create_model("ConfigChangedOut", __base__=ActionOut, **_THRESHOLDS)


class CommandOut(Shape):
    id: UUID
    seq: int
    kind: CommandKind | str
    params: dict[str, Any]
    actor: str
    source: Source | str
    reason: str | None
    status: CommandStatus | str
    from_state: BotState | str | None
    to_state: BotState | str | None
    revision: int | None
    error_code: str | None
    error: str | None
    changes: dict[str, Any] | None
    remote_addr: str | None
    token_name: str | None
    sent_from: str | None
    approved_by: str | None
    approved_at: datetime | None
    issued_at: datetime
    expires_at: datetime | None
    finished_at: datetime | None


class CommandPage(Shape):
    items: list[CommandOut]
    next_cursor: str | None


class SessionOut(Shape):
    id: UUID
    actor: str
    role: str
    token_name: str | None
    remote_addr: str | None
    user_agent: str | None
    began_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    current: bool = Field(False, description="Whether it is the session of this request.")


class SessionList(Shape):
    items: list[SessionOut]


class TradeOut(Shape):
    id: UUID
    symbol: str
    entry_price: Number
    exit_price: Number | None
    shares: Number
    exited_shares: Number = Field(description="Shares whose exit is booked, signed like `shares`.")
    pnl: Number | None
    catalyst_type: str | None
    catalyst_tier: int | None
    exit_reason: str | None
    status: str
    note: str | None
    mode: str | None = Field(description="The account at which it was opened; null if unknown.")
    filled: bool = Field(description="Whether its entry is known to have filled.")
    asset_id: str | None = Field(description="Alpaca's id of the asset, if known.")
    adjusted_at: datetime | None = Field(
        description="When an operator last set its shares or its entry price."
    )
    acknowledged_at: datetime | None = Field(
        description="When an operator acknowledged that it is missed and has no result."
    )
    alpaca_order_id: str | None
    alpaca_exit_order_id: str | None
    entry_at: datetime
    exit_at: datetime | None
    created_at: datetime
    updated_at: datetime


class TradePage(Shape):
    items: list[TradeOut]
    next_cursor: str | None


class TradeEventOut(Shape):
    id: int
    trade_id: UUID
    kind: TradeEventKind | str
    before: dict[str, Any] = Field(
        description="The fields that changed, before the change; numbers are text."
    )
    after: dict[str, Any] = Field(
        description="The same fields after the change; `exit` is the exit that was booked."
    )
    actor: str
    reason: str | None
    command_id: UUID | None = Field(description="The command that changed it.")
    request_key: str | None = Field(description="The Idempotency-Key of the request that changed it.")
    at: datetime


class TradeEventPage(Shape):
    items: list[TradeEventOut]
    next_cursor: str | None


class DailyStatsOut(Shape):
    date: date
    mode: Mode | str
    realized_pnl: Number
    trade_count: int
    day_trade_count: int
    created_at: datetime
    updated_at: datetime


class DailyStatsPage(Shape):
    items: list[DailyStatsOut]
    next_cursor: str | None


class ReconciliationPage(Shape):
    items: list[ReconciliationOut]
    next_cursor: str | None
