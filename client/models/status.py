"""The state of the bot and of its gate."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from client.models.base import Answer
from client.models.reconciliation import LastReconciliation
from client.words import BotState, CommandKind, Mode, Reason


class Gate(Answer):
    """May the bot open a position now, and may it watch and exit those it has?"""

    may_open: bool
    may_monitor: bool
    reasons: list[Reason | str]


class Worker(Answer):
    """Whether a worker is online."""

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
