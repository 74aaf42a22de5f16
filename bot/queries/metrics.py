"""The database's part of ``/metrics``, in a few statements whose cost does not grow with the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.models import (
    AlertStatus,
    BotAlert,
    BotAlertDestination,
    BotCommand,
    BotPulse,
    BotWorker,
    Sign,
)
from bot.models.command_stats import BotCommandTally
from bot.settings.settings import Settings
from bot.states import CommandStatus
from bot.status import gate
from bot.status.gate import Gate
from bot.status.heartbeat import OFFLINE_AFTER
from bot.status.snapshot import Snapshot, snapshot_in
from bot.storage.pipeline import Pipeline
from bot.storage.statements import COUNT_COMMANDS


@dataclass(frozen=True)
class Measures:
    """The bot in numbers, at one moment."""

    snapshot: Snapshot
    gate: Gate
    market_open: bool
    tallies: Sequence[BotCommandTally]
    #: Age of the oldest unfinished command; zero if there is none.
    oldest_pending: timedelta
    workers_online: int
    #: Those of them that take no messages.
    workers_deaf: int
    #: When beat last gave a sign of life; None if it never did.
    beat_seen_at: datetime | None
    #: Stored alerts, by status.
    alerts: Mapping[AlertStatus, int]
    #: Addresses of ALERT_URLS that did not take the last alert.
    destinations_failing: int


_NOW = func.clock_timestamp()
_MORE = select(
    select(_NOW - func.min(BotCommand.issued_at))
    .where(BotCommand.status == CommandStatus.QUEUED)
    .scalar_subquery()
    .label("oldest_pending"),
    select(func.count())
    .where(BotWorker.last_seen_at > _NOW - OFFLINE_AFTER)
    .scalar_subquery()
    .label("workers_online"),
    select(func.count())
    .where(BotWorker.last_seen_at > _NOW - OFFLINE_AFTER, BotWorker.trouble.is_not(None))
    .scalar_subquery()
    .label("workers_deaf"),
    select(BotPulse.seen_at)
    .where(BotPulse.name == Sign.BEAT, BotPulse.seen_at <= _NOW)
    .scalar_subquery()
    .label("beat_seen_at"),
)
_ALERTS = select(BotAlert.status, func.count().label("number")).group_by(BotAlert.status)


def measure(session: Session, settings: Settings) -> Measures:
    """Read all of it."""
    now = snapshot_in(session)
    more = session.execute(_MORE).one()
    counted = {row.status: row.number for row in session.execute(_ALERTS)}
    failing = set(session.scalars(select(BotAlertDestination.name).where(BotAlertDestination.attempts > 0)))
    return Measures(
        snapshot=now,
        gate=gate.judge(now, settings),
        market_open=gate.market_open(settings, now.config.mode, now.now),
        tallies=_tallies(session),
        oldest_pending=more.oldest_pending or timedelta(0),
        workers_online=more.workers_online,
        workers_deaf=more.workers_deaf,
        beat_seen_at=more.beat_seen_at,
        alerts={status: counted.get(status, 0) for status in AlertStatus},
        destinations_failing=sum(each.name in failing for each in settings.alert_addresses),
    )


def _tallies(session: Session) -> Sequence[BotCommandTally]:
    """All counts, including every command that was finished before."""
    Pipeline(session.connection()).send(COUNT_COMMANDS())
    return session.scalars(
        select(BotCommandTally).order_by(BotCommandTally.kind, BotCommandTally.status)
    ).all()
