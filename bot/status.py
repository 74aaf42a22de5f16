"""What an operator wants to know at a glance, read in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Date, cast, func, select
from sqlalchemy.orm import Session

from bot.models import (
    SINGLETON,
    BotCommand,
    BotConfig,
    BotDailyStats,
    BotReconciliation,
    BotTrade,
    BotWorker,
    TradeStatus,
)
from bot.states import CommandStatus

#: A worker that was not seen for this long is shown as offline. It writes its heartbeat every 3 s.
WORKER_OFFLINE_AFTER = timedelta(seconds=8)


@dataclass(frozen=True)
class Snapshot:
    """The bot at one moment of the database's clock."""

    now: datetime
    config: BotConfig
    today: date
    open_trades: int
    realized_pnl: Decimal
    trade_count: int
    pending_commands: int
    worker_seen_at: datetime | None
    reconciliation: BotReconciliation | None

    @property
    def worker_online(self) -> bool:
        return self.worker_seen_at is not None and self.now - self.worker_seen_at < WORKER_OFFLINE_AFTER


#: Not clock_timestamp(): Postgres would not use an index to look for today.
_NOW = func.statement_timestamp()
#: The trading date, as bot.market.trading_date has it.
_TODAY = cast(func.timezone("America/New_York", _NOW), Date)

_SNAPSHOT = (
    select(
        _NOW.label("now"),
        _TODAY.label("today"),
        BotConfig,
        select(func.count())
        .where(BotTrade.status == TradeStatus.OPEN)
        .scalar_subquery()
        .label("open_trades"),
        BotDailyStats.realized_pnl,
        BotDailyStats.trade_count,
        select(func.count())
        .where(BotCommand.status == CommandStatus.QUEUED)
        .scalar_subquery()
        .label("pending_commands"),
        select(func.max(BotWorker.last_seen_at)).scalar_subquery().label("worker_seen_at"),
        BotReconciliation,
    )
    .select_from(BotConfig)
    .outerjoin(BotDailyStats, BotDailyStats.date == _TODAY)
    .outerjoin(
        BotReconciliation,
        BotReconciliation.id == select(func.max(BotReconciliation.id)).correlate(None).scalar_subquery(),
    )
    .where(BotConfig.id == SINGLETON)
)


def snapshot(session: Session) -> Snapshot:
    """Read everything that the status and the gate need."""
    row = session.execute(_SNAPSHOT).one()
    return Snapshot(
        now=row.now,
        config=row.BotConfig,
        today=row.today,
        open_trades=row.open_trades,
        realized_pnl=row.realized_pnl or Decimal(0),
        trade_count=row.trade_count or 0,
        pending_commands=row.pending_commands,
        worker_seen_at=row.worker_seen_at,
        reconciliation=row.BotReconciliation,
    )
