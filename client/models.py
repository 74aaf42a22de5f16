"""What Pitboss answers. Money, prices and shares are exact decimals, times are aware.

A field that a newer Pitboss adds is ignored. ``tests/client/test_models.py`` holds these beside ``/openapi.json``.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from client.words import (
    BotState,
    CommandKind,
    CommandStatus,
    Mode,
    Outcome,
    Reason,
    Source,
    TradeStatus,
)


class Answer(BaseModel):
    """Any answer; in JSON its names are camelCase."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class Difference(Answer):
    """A symbol of which database and broker hold different quantities."""

    symbol: str
    kind: str
    here: str
    there: str
    trade_ids: list[UUID] = []


class Reconciliation(Answer):
    """The report of one comparison; where it failed, its counts are None."""

    id: int
    trigger: str
    mode: Mode | str
    command_id: UUID | None
    started_at: datetime
    finished_at: datetime
    requests: int
    suspect: int | None
    booked: int | None
    corrected: int | None
    voided: int | None
    outcome: Outcome | str
    error_code: str | None
    error: str | None
    account_id: str | None
    open_trades: int | None
    broker_positions: int | None
    matched: int | None
    missed: int | None
    in_flight: int | None
    differences: list[Difference]


class Action(Answer):
    """What a command led to. With the status ``queued``, state and mode are the present ones."""

    state: BotState
    mode: Mode
    command_id: UUID
    status: CommandStatus | str
    revision: int | None
    warning: str | None = None


class OpenPosition(Answer):
    """A position that stays open; negative shares are short."""

    symbol: str
    shares: Decimal


class WorkingOrder(Answer):
    """An entry that is not known to have filled."""

    order_id: str | None
    symbol: str
    shares: Decimal


class Exposure(Answer):
    """What stays open at the broker."""

    read_at: datetime | None
    positions: list[OpenPosition]
    working_orders: list[WorkingOrder]


class KillAction(Action):
    """A kill, and what it leaves open; None where that could not be read, or is flattened."""

    stays_open: Exposure | None = None


class ReconcileAction(Action):
    """A reconcile, and its report."""

    reconciliation: Reconciliation | None = None


class Thresholds(Answer):
    """What an operator can change."""

    daily_loss_limit_usd: Decimal
    count_open_loss: bool
    max_concurrent_positions: int
    min_win_rate: Decimal
    max_share_price: Decimal
    max_float_shares: int
    min_relative_volume: Decimal
    enabled_catalyst_tiers: list[int]
    position_size_usd: Decimal
    confidence_multiplier_high: Decimal
    confidence_multiplier_med: Decimal
    confidence_multiplier_low: Decimal
    hard_stop_loss_pct: Decimal
    max_hold_duration_sec: int


class Config(Thresholds):
    """The thresholds, and when they last changed."""

    revision: int
    updated_at: datetime


class ConfigAction(Action, Thresholds):
    """A change of thresholds, and all of them after it."""


class PositionLeft(Answer):
    """A position that a flatten has not closed yet."""

    symbol: str
    shares: Decimal
    error: str | None = None


class Flatten(Answer):
    """How far the last flatten is."""

    state: str
    command_id: UUID | None = None
    mode: Mode | str | None = None
    symbols: list[str] | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: int = 0
    orders_left: int | None = None
    positions_left: list[PositionLeft] | None = None
    error: str | None = None

    @property
    def is_at_work(self) -> bool:
        """Whether it goes on."""
        return self.state in ("working", "waiting_for_open")


class Command(Answer):
    """A row of the command log."""

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
    changes: dict[str, Any] | None = None
    remote_addr: str | None = None
    token_name: str | None = None
    sent_from: str | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    issued_at: datetime
    expires_at: datetime | None
    finished_at: datetime | None


class Trade(Answer):
    """A trade of the books; negative shares are short."""

    id: UUID
    symbol: str
    entry_price: Decimal
    exit_price: Decimal | None
    shares: Decimal
    exited_shares: Decimal
    pnl: Decimal | None
    catalyst_type: str | None
    catalyst_tier: int | None
    exit_reason: str | None
    status: TradeStatus | str
    note: str | None
    mode: str | None
    filled: bool
    asset_id: str | None
    adjusted_at: datetime | None
    acknowledged_at: datetime | None
    alpaca_order_id: str | None
    alpaca_exit_order_id: str | None
    entry_at: datetime
    exit_at: datetime | None
    created_at: datetime
    updated_at: datetime


class TradeEvent(Answer):
    """One change of one trade."""

    id: int
    trade_id: UUID
    kind: str
    before: dict[str, Any]
    after: dict[str, Any]
    actor: str
    reason: str | None
    command_id: UUID | None
    request_key: str | None
    at: datetime


class DailyStats(Answer):
    """What one trading day of one mode came to."""

    date: date
    mode: Mode | str
    realized_pnl: Decimal
    trade_count: int
    day_trade_count: int
    created_at: datetime
    updated_at: datetime


class Gate(Answer):
    """May the bot open a position now, and may it watch and exit those it has?"""

    may_open: bool
    may_monitor: bool
    reasons: list[Reason | str]


class LastReconciliation(Answer):
    """The last reconciliation, as the status shows it."""

    outcome: Outcome | str
    trigger: str
    finished_at: datetime
    age_sec: float
    error_code: str | None
    error: str | None
    missed: int | None
    differences: list[Difference]
    agreed_at: datetime | None


class Worker(Answer):
    """Whether a worker is there."""

    online: bool
    last_seen_at: datetime | None


class Status(Answer):
    """The bot at a glance."""

    state: BotState
    mode: Mode
    open_position_count: int
    today_realized_pnl: Decimal
    today_trade_count: int
    unsettled_trades: int
    open_pnl: Decimal | None
    market_open: bool
    market_changes_at: datetime
    enabled: bool
    killed: bool
    killed_at: datetime | None
    kill_reason: str | None
    allowed_commands: list[CommandKind | str]
    accepting_signals: bool
    reasons: list[Reason | str]
    reconciliation: LastReconciliation | None
    flatten: str
    worker: Worker
    pending_commands: int
    revision: int
    sandbox: bool
    as_of: datetime


class Position(Answer):
    """What broker and books hold of one symbol; negative shares are short."""

    symbol: str
    broker_shares: Decimal | None
    book_shares: Decimal
    avg_entry_price: Decimal | None
    current_price: Decimal | None
    open_pnl: Decimal | None
    trade_ids: list[UUID]
    difference: str | None


class Positions(Answer):
    """All positions, as of one reading of the broker."""

    read_at: datetime | None
    items: list[Position]


class Account(Answer):
    """What the account is worth, in US dollars."""

    read_at: datetime | None = None
    status: str | None = None
    equity: Decimal | None = None
    last_equity: Decimal | None = None
    buying_power: Decimal | None = None
    day_change: Decimal | None = None
    blocks: list[str] = []


class Alert(Answer):
    """What somebody had to be told."""

    id: UUID
    seq: int
    kind: str
    severity: str
    text: str
    facts: dict[str, Any]
    created_at: datetime
    resolved_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    delivery: str
    error: str | None


class AlertDestination(Answer):
    """Whom alerts are sent to, and how it goes."""

    name: str
    least: str
    delivered_at: datetime | None
    failures: int
    error: str | None
    next_attempt_at: datetime | None


class TestAlert(Answer):
    """A test that was sent off, and to whom."""

    id: UUID
    destinations: list[str]
