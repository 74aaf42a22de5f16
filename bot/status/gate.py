"""The one answer to "may the bot open a position now?", with every reason for a no."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot import market_hours
from bot.settings.settings import Settings
from bot.settings.types import MarketHours
from bot.states import BotState, Mode
from bot.status.heartbeat import LOST_AFTER
from bot.status.snapshot import Snapshot


class Reason(StrEnum):
    """Why the gate is closed."""

    DISABLED = "disabled"
    KILLED = "killed"
    NOT_RUNNING = "not_running"
    NOT_RECONCILED = "not_reconciled"
    WORKER_OFFLINE = "worker_offline"
    MARKET_CLOSED = "market_closed"
    MAX_POSITIONS = "max_positions"
    DAILY_LOSS = "daily_loss"


@dataclass(frozen=True)
class Gate:
    """``may_open``: new positions. ``may_monitor``: watch and exit the open ones."""

    may_open: bool
    may_monitor: bool
    reasons: tuple[Reason, ...]


def market_open(settings: Settings, mode: Mode, at: datetime) -> bool:
    """Whether the market counts as open. Live mode always goes by the exchange's hours."""
    if settings.market_hours is MarketHours.ALWAYS and mode is Mode.PAPER:
        return True
    return market_hours.is_open(at)


def judge(now: Snapshot, settings: Settings) -> Gate:
    """The gate at the moment of the snapshot."""
    config = now.config
    lost = now.worker_seen_at is None or now.now - now.worker_seen_at >= LOST_AFTER
    holds = {
        Reason.DISABLED: not config.enabled,
        Reason.KILLED: config.killed,
        Reason.NOT_RUNNING: config.state is not BotState.RUNNING,
        Reason.NOT_RECONCILED: config.reconciled_at is None,
        Reason.WORKER_OFFLINE: lost,
        Reason.MARKET_CLOSED: not market_open(settings, config.mode, now.now),
        Reason.MAX_POSITIONS: now.open_trades >= config.max_concurrent_positions,
        Reason.DAILY_LOSS: now.realized_pnl <= -config.daily_loss_limit_usd,
    }
    reasons = tuple(reason for reason, held in holds.items() if held)
    return Gate(
        may_open=not reasons,
        may_monitor=config.state in (BotState.RUNNING, BotState.PAUSED),
        reasons=reasons,
    )
