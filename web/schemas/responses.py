"""The shapes of answers.

What comes from a row may be text that only a newer release knows: it is shown as it stands, while the document lists
what this release knows.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field, create_model

from bot.models import Outcome, Trigger
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
    issued_at: datetime
    expires_at: datetime | None
    finished_at: datetime | None


class CommandPage(Shape):
    items: list[CommandOut]
    next_cursor: str | None


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


class DailyStatsOut(Shape):
    date: date
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
    pnl: Number
    trades: int
    cumulative: Number = Field(description="Realized P&L of the day up to and with this minute.")


class IntradayOut(Shape):
    date: date
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


class WorkerOut(Shape):
    online: bool
    last_seen_at: datetime | None


class StatusOut(Shape):
    state: BotState
    mode: Mode
    open_position_count: int
    today_realized_pnl: Number = Field(description="US dollars, of New York's date.")
    today_trade_count: int
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
    worker: WorkerOut
    pending_commands: int
    revision: int
    sandbox: bool = Field(description="Whether the account is a simulated one.")
    as_of: datetime


class HealthOut(Shape):
    status: Literal["ok"]


class ReadyOut(Shape):
    status: Literal["ready"]
    postgres: str
    redis: str
    worker: str
