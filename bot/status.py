"""What an operator wants to know at a glance, read in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from bot.batch import Batch, Statement
from bot.locked import MAKE
from bot.models import SINGLETON, BotConfig, BotReconciliation, TradeStatus
from bot.rows import Rows
from bot.states import CommandStatus

#: A worker that was not seen for this long is shown as offline. It writes its heartbeat every 3 s.
WORKER_OFFLINE_AFTER = timedelta(seconds=8)


@dataclass(frozen=True)
class Snapshot:
    """The bot at one moment of the database's clock."""

    now: datetime
    #: Without most thresholds.
    config: BotConfig
    open_trades: int
    #: Of today, on both accounts: what the day's statistics say.
    realized_pnl: Decimal
    #: Of today, on the account of the present mode.
    mode_pnl: Decimal
    trade_count: int
    pending_commands: int
    worker_seen_at: datetime | None
    #: Without its counts, but that of missed trades.
    reconciliation: BotReconciliation | None

    @property
    def worker_online(self) -> bool:
        return self.worker_seen_at is not None and self.now - self.worker_seen_at < WORKER_OFFLINE_AFTER


_CONFIG = Rows(BotConfig)
# a status is read far more often than all that these two rows hold
_REPORT = Rows(
    BotReconciliation,
    *("id", "trigger", "finished_at", "outcome", "error_code", "error", "missed", "differences"),
)
_GLANCE = Rows(
    BotConfig,
    *("enabled", "state", "mode", "killed_at", "kill_reason", "revision", "reconciled_at"),
    *("max_concurrent_positions", "daily_loss_limit_usd"),
)
#: The trading date, as bot.market.trading_date has it. Not clock_timestamp(): Postgres would not look for it by an index.
_TODAY = "timezone('America/New_York', statement_timestamp())::date"
_MODE_PNL = (
    "SELECT sum(pnl) FROM bot_trade WHERE pnl IS NOT NULL"  # noqa: S608 - made of constants
    f" AND exit_at >= timezone('America/New_York', {_TODAY}::timestamp)"
    " AND coalesce(mode, config.mode) = config.mode"
)
_SNAPSHOT = Statement(
    "snapshot_of_bot",
    "SELECT statement_timestamp(),"  # noqa: S608 - as above
    f" (SELECT count(*) FROM bot_trade WHERE status = '{TradeStatus.OPEN}'),"
    f" stats.realized_pnl, ({_MODE_PNL}), stats.trade_count,"
    f" (SELECT count(*) FROM bot_command WHERE status = '{CommandStatus.QUEUED}'),"
    " (SELECT max(last_seen_at) FROM bot_worker),"
    f" {_GLANCE.columns('config')}, {_REPORT.columns('report')}"
    f" FROM bot_config config LEFT JOIN bot_daily_stats stats ON stats.date = {_TODAY}"
    " LEFT JOIN bot_reconciliation report ON report.id = (SELECT max(id) FROM bot_reconciliation)"
    f" WHERE config.id = '{SINGLETON}'",
)
_READ_CONFIG = Statement(
    "read_thresholds",
    f"SELECT {_CONFIG.columns()} FROM bot_config WHERE id = '{SINGLETON}'",  # noqa: S608 - as above
)


def snapshot(batch: Batch) -> Snapshot:
    """Read everything that the status and the gate need."""
    [row] = batch.send(_SNAPSHOT()) or batch.send(MAKE(), _SNAPSHOT())
    now, open_trades, realized_pnl, mode_pnl, trade_count, pending, seen_at, *rest = row
    config, report = rest[: len(_GLANCE.names)], rest[len(_GLANCE.names) :]
    return Snapshot(
        now=now,
        config=_GLANCE.instance(_GLANCE.values(config)),
        open_trades=open_trades,
        realized_pnl=realized_pnl or Decimal(0),
        mode_pnl=mode_pnl or Decimal(0),
        trade_count=trade_count or 0,
        pending_commands=pending,
        worker_seen_at=seen_at,
        reconciliation=None if report[0] is None else _REPORT.instance(_REPORT.values(report)),
    )


def snapshot_in(session: Session) -> Snapshot:
    """The same, read in the transaction of *session*."""
    session.flush()
    return snapshot(Batch(session.connection()))


def config(batch: Batch) -> BotConfig:
    """The bot's row."""
    [row] = batch.send(_READ_CONFIG()) or batch.send(MAKE(), _READ_CONFIG())
    return _CONFIG.instance(_CONFIG.values(row))
