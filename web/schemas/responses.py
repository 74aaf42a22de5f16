"""The shapes of answers.

What comes from a row may be text that only a newer release knows: it is shown as it stands, while the document lists
what this release knows.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field, create_model

from bot.models import Outcome, TradeEventKind, Trigger
from bot.models.thresholds import THRESHOLDS, ThresholdType
from bot.states import BotState, CommandKind, CommandStatus, Mode, Source
from bot.status.gate import Reason
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
    requests: int = Field(description="Requests that were made to Alpaca for it.")
    suspect: int | None = Field(description="Trades whose position is absent for the first time.")
    booked: int | None = Field(description="Exits that were booked from the broker's fills.")
    corrected: int | None = Field(description="Entries that were corrected by the broker's record.")
    voided: int | None = Field(description="Trades whose entry never filled.")
    outcome: Outcome | str
    error_code: str | None
    error: str | None
    account_id: str | None
    open_trades: int | None = Field(description="Null, like the other counts, where the attempt failed.")
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
    revision: int | None = Field(description="The revision that the command produced.")
    warning: str | None = Field(
        None, description="What did not go as it should, although the command was applied."
    )


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
        description="At the broker, as last read, and of trades that were opened since."
    )
    working_orders: list[WorkingOrderOut] = Field(description="Entries that are not known to have filled.")


class KillOut(ActionOut):
    stays_open: ExposureOut | None = Field(
        None, description="What a kill does not close; null where it could not be read, or is flattened."
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
    attempts: int = Field(0, description="Rounds of looking, cancelling and closing.")
    orders_left: int | None = Field(
        None, description="Working orders that are left; null as long as the broker was not read."
    )
    positions_left: list[PositionLeftOut] | None = Field(
        None, description="As the last round found them; null as long as the broker was not read."
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
    current: bool = Field(False, description="Whether it is the one that asks.")


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
    mode: str | None = Field(description="The account it was opened at; null where it is not known.")
    filled: bool = Field(description="Whether its entry is known to have filled.")
    asset_id: str | None = Field(description="Alpaca's id of the asset, where it is known.")
    adjusted_at: datetime | None = Field(
        description="When an operator last set its shares or its entry price."
    )
    acknowledged_at: datetime | None = Field(
        description="When an operator acknowledged that it was missed and has no result."
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
    before: dict[str, Any] = Field(description="The fields that changed, as they were; numbers are text.")
    after: dict[str, Any] = Field(
        description="The same fields as they are; `exit` is the exit that was booked."
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


class MinuteOut(Shape):
    at: datetime
    pnl: Number = Field(description="Realized by the exits of this minute, in US dollars.")
    trades: int = Field(description="Trades that were closed in it.")
    cumulative: Number = Field(description="Realized P&L of the day up to and with this minute.")


class IntradayOut(Shape):
    date: date
    mode: Mode
    begins_at: datetime
    ends_at: datetime
    opens_at: datetime | None = Field(description="When the exchange opens that day; null when it does not.")
    closes_at: datetime | None
    loss_limit_usd: Number
    points: list[MinuteOut]
    as_of: datetime


class StretchOut(Shape):
    state: BotState | str
    killed: bool
    mode: Mode | str
    began_at: datetime
    ended_at: datetime
    kind: CommandKind | str | None = Field(
        description="The command that began it; null for what lasted when the day began."
    )
    actor: str | None


class StatesOut(Shape):
    date: date
    begins_at: datetime
    ends_at: datetime
    opens_at: datetime | None
    closes_at: datetime | None
    items: list[StretchOut] = Field(description="Without a gap, the earliest first.")
    as_of: datetime


class ReconciliationPage(Shape):
    items: list[ReconciliationOut]
    next_cursor: str | None


class GateOut(Shape):
    may_open: bool
    may_monitor: bool
    reasons: list[Reason]


class LastReconciliation(Shape):
    outcome: Outcome | str
    trigger: Trigger | str
    finished_at: datetime
    age_sec: float
    error_code: str | None = Field(description="Why it failed, as a slug; null when it did not.")
    error: str | None
    missed: int | None
    differences: list[DifferenceOut]
    agreed_at: datetime | None = Field(description="When the books and the broker were last found to agree.")


class WorkerOut(Shape):
    online: bool
    last_seen_at: datetime | None


class StatusOut(Shape):
    state: BotState
    mode: Mode
    open_position_count: int
    today_realized_pnl: Number = Field(description="US dollars, of New York's date and the present mode.")
    today_trade_count: int
    unsettled_trades: int = Field(
        description="Trades that filled and were missed: their result is not booked, nor acknowledged to be unknown."
    )
    open_pnl: Number | None = Field(
        description="Unrealized P&L of the present mode's positions, in US dollars; null unless it was read in the last 3 minutes."
    )
    market_open: bool
    market_changes_at: datetime = Field(
        description="When the exchange's regular session next opens or closes."
    )
    enabled: bool
    killed: bool
    killed_at: datetime | None
    kill_reason: str | None
    allowed_commands: list[CommandKind] = Field(
        description="What the state and the kill latch allow now; other conditions may still refuse it."
    )
    accepting_signals: bool
    reasons: list[Reason] = Field(description="Every reason why signals are not accepted.")
    reconciliation: LastReconciliation | None
    flatten: Literal["none", "working", "waiting_for_open", "flat", "cancelled"] = Field(
        description="How far the last flatten is."
    )
    worker: WorkerOut
    pending_commands: int
    revision: int
    sandbox: bool = Field(description="Whether the account is a simulated one.")
    as_of: datetime


class PositionOut(Shape):
    symbol: str
    broker_shares: Number | None = Field(
        description="What the broker holds, negative is short; null while that is not known."
    )
    book_shares: Number = Field(description="What the open trades hold; negative is short.")
    avg_entry_price: Number | None
    current_price: Number | None
    open_pnl: Number | None = Field(description="US dollars.")
    trade_ids: list[UUID] = Field(description="The open trades, the earliest first.")
    difference: Literal["unknown_here", "quantity", "side"] | str | None = Field(
        description="The kind of difference that the last usable report names."
    )


class PositionsOut(Shape):
    read_at: datetime | None = Field(description="When the broker was read; null before the first reading.")
    items: list[PositionOut]


class AccountOut(Shape):
    read_at: datetime | None = Field(
        None, description="When the broker was read; null, like the rest, before the first reading."
    )
    status: str | None = None
    equity: Number | None = Field(None, description="US dollars, like the other amounts.")
    last_equity: Number | None = Field(None, description="At the close of the trading day before.")
    buying_power: Number | None = None
    day_change: Number | None = None
    blocks: list[str] = Field([], description="What keeps the account from trading.")


class HealthOut(Shape):
    status: Literal["ok"]


class ReadyOut(Shape):
    status: Literal["ready"]
    postgres: str
    redis: str
    worker: str
