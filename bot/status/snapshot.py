"""What an operator wants to know at a glance, read in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from bot.models import BotConfig, BotReconciliation
from bot.status.heartbeat import OFFLINE_AFTER
from bot.storage.pipeline import Pipeline
from bot.storage.statements import (
    CONFIG,
    MAKE_CONFIG,
    READ_CONFIG,
    SNAPSHOT,
    SNAPSHOT_CONFIG,
    SNAPSHOT_REPORT,
)


@dataclass(frozen=True)
class Snapshot:
    """The bot at one moment of the database's clock."""

    now: datetime
    #: Without most thresholds.
    config: BotConfig
    open_trades: int
    #: Of today, in the present mode, in US dollars.
    realized_pnl: Decimal
    trade_count: int
    #: Missed trades that had filled, and that nobody acknowledged: their results are not booked.
    unsettled_trades: int
    #: Unrealized, in US dollars, of the present mode's positions; None unless the broker was read in the last 3 minutes.
    open_pnl: Decimal | None
    pending_commands: int
    worker_seen_at: datetime | None
    #: Without its counts, but that of missed trades.
    reconciliation: BotReconciliation | None

    @property
    def worker_online(self) -> bool:
        return self.worker_seen_at is not None and self.now - self.worker_seen_at < OFFLINE_AFTER


def snapshot(batch: Pipeline) -> Snapshot:
    """Read everything that the status and the gate need."""
    [row] = batch.send(SNAPSHOT()) or batch.send(MAKE_CONFIG(), SNAPSHOT())
    now, open_trades, unsettled, realized_pnl, trade_count, open_pnl, pending, seen_at, *rest = row
    config, report = rest[: len(SNAPSHOT_CONFIG.names)], rest[len(SNAPSHOT_CONFIG.names) :]
    return Snapshot(
        now=now,
        config=SNAPSHOT_CONFIG.instance(SNAPSHOT_CONFIG.values(config)),
        open_trades=open_trades,
        realized_pnl=realized_pnl or Decimal(0),
        trade_count=trade_count or 0,
        unsettled_trades=unsettled,
        open_pnl=open_pnl,
        pending_commands=pending,
        worker_seen_at=seen_at,
        reconciliation=None
        if report[0] is None
        else SNAPSHOT_REPORT.instance(SNAPSHOT_REPORT.values(report)),
    )


def snapshot_in(session: Session) -> Snapshot:
    """The same, read in the transaction of *session*."""
    session.flush()
    return snapshot(Pipeline(session.connection()))


def config(batch: Pipeline) -> BotConfig:
    """The bot's row."""
    [row] = batch.send(READ_CONFIG()) or batch.send(MAKE_CONFIG(), READ_CONFIG())
    return CONFIG.instance(CONFIG.values(row))
