"""The gate: whether the bot may open a position now, with every reason why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from bot import market_hours
from bot.reconciliation.schedule import STALE_INTERVALS, interval
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
    RECONCILIATION_STALE = "reconciliation_stale"  # the last agreement is too old
    FLATTENING = "flattening"  # orders are being cancelled and positions closed
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
    """Whether the market counts as open. Live mode always uses the exchange's hours."""
    if settings.market_hours is MarketHours.ALWAYS and mode is Mode.PAPER:
        return True
    return market_hours.is_open(at, settings.closures)


def is_market_open(now: Snapshot, settings: Settings) -> bool:
    """Whether the market is open by the calendar, unless MARKET_HOURS ignores that, and by the broker's own clock."""
    by_broker = now.reading is None or now.reading.is_market_open(now.now)
    return by_broker and market_open(settings, now.config.mode, now.now)


def is_agreement_stale(now: Snapshot, settings: Settings) -> bool:
    """Whether the last agreement is older than three intervals of reconciliation."""
    agreed_at, every = now.config.reconciled_at, interval(settings, now.config.state)
    return agreed_at is not None and now.now - agreed_at > STALE_INTERVALS * every


def loss(now: Snapshot) -> Decimal:
    """Today's loss of the present mode in US dollars, realized and, if the thresholds say so, unrealized; negative."""
    # of the last reading, however old: when there are none any more, the agreement grows stale and closes the gate
    last = None if now.reading is None else now.reading.open_pnl
    unrealized = (last or Decimal(0)) if now.config.count_open_loss else Decimal(0)
    # an open profit is not had yet: it makes no room for a loss
    return now.realized_pnl + min(unrealized, Decimal(0))


def judge(now: Snapshot, settings: Settings) -> Gate:
    """The gate at the time of the snapshot."""
    config = now.config
    lost = now.worker_seen_at is None or now.now - now.worker_seen_at >= LOST_AFTER
    holds = {
        Reason.DISABLED: not config.enabled,
        Reason.KILLED: config.killed,
        Reason.NOT_RUNNING: config.state is not BotState.RUNNING,
        Reason.NOT_RECONCILED: config.reconciled_at is None,
        Reason.RECONCILIATION_STALE: is_agreement_stale(now, settings),
        Reason.FLATTENING: now.flattening,
        Reason.WORKER_OFFLINE: lost,
        Reason.MARKET_CLOSED: not is_market_open(now, settings),
        Reason.MAX_POSITIONS: now.open_trades >= config.max_concurrent_positions,
        Reason.DAILY_LOSS: loss(now) <= -config.daily_loss_limit_usd,
    }
    reasons = tuple(reason for reason, held in holds.items() if held)
    return Gate(
        may_open=not reasons,
        may_monitor=config.state in (BotState.RUNNING, BotState.PAUSED),
        reasons=reasons,
    )
