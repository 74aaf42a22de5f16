"""The schemas of the status of the bot and its parts."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from bot.models import Outcome, Trigger
from bot.states import BotState, CommandKind, Mode
from bot.status.gate import Reason
from web.schemas.base import Number, Shape
from web.schemas.responses import DifferenceOut


class GateOut(Shape):
    may_open: bool
    may_monitor: bool
    reasons: list[Reason]


class LastReconciliation(Shape):
    outcome: Outcome | str
    trigger: Trigger | str
    finished_at: datetime
    age_sec: float
    error_code: str | None = Field(description="Why it failed, as a slug; null if it did not.")
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
    today_realized_pnl: Number = Field(
        description="US dollars, for today's date in New York and the present mode."
    )
    today_trade_count: int
    unsettled_trades: int = Field(
        description="Missed trades that had filled: their result is neither booked nor acknowledged to be unknown."
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
        description="What the state and the kill latch allow now; other conditions may still reject it."
    )
    accepting_signals: bool
    reasons: list[Reason] = Field(description="Every reason why signals are not accepted.")
    reconciliation: LastReconciliation | None
    flatten: Literal["none", "working", "waiting_for_open", "flat", "cancelled"] = Field(
        description="The state of the last flatten."
    )
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
