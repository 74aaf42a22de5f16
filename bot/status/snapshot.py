"""The state of the bot at one moment, read in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from bot.models import BotConfig, FlattenState
from bot.models.flatten import AT_WORK
from bot.models.status_rows import StatusConfig, StatusReport
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

#: The prices of a reading of the broker are used for this long.
READING_COUNTS_FOR = timedelta(minutes=3)


@dataclass(frozen=True)
class BrokerView:
    """The last reading of the broker, as far as the gate needs it."""

    read_at: datetime
    #: Unrealized profit in US dollars; None if the broker had no prices.
    open_pnl: Decimal | None
    #: Its clock, when it was read.
    market_open: bool
    next_open: datetime | None
    next_close: datetime | None

    def is_market_open(self, at: datetime) -> bool:
        """Whether the market is open at *at* by the broker's own clock, which says when it opens and closes next."""
        turn = self.next_close if self.market_open else self.next_open
        return self.market_open is not (turn is not None and at >= turn)


@dataclass(frozen=True)
class Snapshot:
    """The bot at one moment of the database's clock."""

    now: datetime
    config: StatusConfig
    open_trades: int
    #: Today's realized profit in the present mode, in US dollars.
    realized_pnl: Decimal
    trade_count: int
    #: Missed trades that had filled and are not acknowledged: their results are not booked.
    unsettled_trades: int
    pending_commands: int
    worker_seen_at: datetime | None
    #: The last reading of the present mode's account; None before the first.
    reading: BrokerView | None
    #: The last report.
    reconciliation: StatusReport | None
    #: State of the last flatten; None if there was none, or its state is one of a newer release.
    flatten: FlattenState | None = None

    @property
    def flattening(self) -> bool:
        """Whether a flatten is at work."""
        return self.flatten in AT_WORK

    @property
    def worker_online(self) -> bool:
        """Whether a worker was seen recently; a heartbeat from the future, before the clock was put back, does not count."""
        return self.worker_seen_at is not None and self.now - self.worker_seen_at < OFFLINE_AFTER

    @property
    def open_pnl(self) -> Decimal | None:
        """Unrealized profit in US dollars by the last reading; None if there is none, or it is too old."""
        if self.reading is None or self.now - self.reading.read_at > READING_COUNTS_FOR:
            return None
        return self.reading.open_pnl


@dataclass(frozen=True)
class Rows:
    """What was read, and how long it stays true."""

    snapshot: Snapshot
    #: Which transactions' changes are in it, as Postgres says it.
    commits: str
    #: From this time on the same rows would make another snapshot.
    until: datetime


def snapshot(batch: Pipeline) -> Snapshot:
    """Read everything that the status and the gate need."""
    return read(batch).snapshot


def read(batch: Pipeline) -> Rows:
    """The same, and how long it stays true."""
    [row] = batch.send(SNAPSHOT()) or batch.send(MAKE_CONFIG(), SNAPSHOT())
    now, commits, until, *shown = row
    return Rows(_made_of(now, shown), commits, until)


def _made_of(now: datetime, row: list[Any]) -> Snapshot:
    open_trades, unsettled, realized_pnl, trade_count, pending, seen_at, flatten, *rest = row
    reading, rest = rest[:5], rest[5:]
    config, report = rest[: len(SNAPSHOT_CONFIG.names)], rest[len(SNAPSHOT_CONFIG.names) :]
    return Snapshot(
        now=now,
        config=StatusConfig(**SNAPSHOT_CONFIG.values(config)),
        open_trades=open_trades,
        realized_pnl=realized_pnl or Decimal(0),
        trade_count=trade_count or 0,
        unsettled_trades=unsettled,
        pending_commands=pending,
        worker_seen_at=seen_at,
        reading=None if reading[0] is None else BrokerView(*reading),
        reconciliation=None if report[0] is None else StatusReport(**SNAPSHOT_REPORT.values(report)),
        flatten=FlattenState(flatten) if flatten in tuple(FlattenState) else None,
    )


def snapshot_in(session: Session) -> Snapshot:
    """The same, read in the transaction of *session*."""
    session.flush()
    return snapshot(Pipeline(session.connection()))


def config(batch: Pipeline) -> BotConfig:
    """The bot's row."""
    [row] = batch.send(READ_CONFIG()) or batch.send(MAKE_CONFIG(), READ_CONFIG())
    return CONFIG.instance(CONFIG.values(row))
