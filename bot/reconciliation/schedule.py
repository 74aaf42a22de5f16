"""When attempts to reconcile are due, and which of them decides about the gate."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from bot.broker.time_limits import GATHERING_LEASE_SEC
from bot.models import BotConfig, BotReconciliation, Trigger
from bot.runtime.retry import RetryPolicy
from bot.settings.settings import Settings
from bot.states import BotState

#: Wait before a retry, in seconds: doubled with each failure.
RETRY_FIRST_SEC, RETRY_MOST_SEC = 2.0, 60.0
#: Time between attempts while the bot is stopped, in seconds; otherwise it is RECONCILE_EVERY_SEC.
STOPPED_EVERY_SEC = 300.0
#: Agreement that is older than this many intervals no longer counts.
STALE_INTERVALS = 3
#: No attempt is ever due later than this from now.
LATEST_DUE = timedelta(seconds=STOPPED_EVERY_SEC + 100)
#: The most attempts in a minute, however few requests each of them makes.
MOST_ATTEMPTS = 120
#: Requests of an attempt that finds agreement; at least this many have to be left for it.
REQUESTS_OF_AN_ATTEMPT = 3


def claim(settings: Settings, *, force: bool = False) -> ReturningUpdate[str]:
    """The update of the bot's row that takes the right to the attempt that is due, and returns what set it off; no row if
    none is due or another process makes it. With *force* it takes the right in any case."""
    now = func.clock_timestamp()
    due = update(BotConfig)
    if not force:
        due = due.where(is_due(now, settings))
    return due.values(reconcile_due_at=now + timedelta(seconds=GATHERING_LEASE_SEC)).returning(
        func.coalesce(BotConfig.reconcile_trigger, Trigger.PERIODIC.value)
    )


def is_due(now: ColumnElement[datetime], settings: Settings) -> ColumnElement[bool]:
    """The condition on the bot's row that an attempt is due and allowed; *now* is the database's clock."""
    return and_(
        or_(
            BotConfig.reconcile_due_at.is_(None),
            BotConfig.reconcile_due_at <= now,
            # from before the clock was put back
            BotConfig.reconcile_due_at > now + LATEST_DUE,
        ),
        has_requests_left(now, settings),
    )


def has_requests_left(now: ColumnElement[datetime], settings: Settings) -> ColumnElement[bool]:
    """The condition that another attempt stays within RECONCILE_REQUESTS_PER_MIN; *now* is the database's clock."""
    most = settings.reconcile_requests_per_min
    last = (
        select(BotReconciliation.requests)
        .where(BotReconciliation.requests > 0)
        .order_by(BotReconciliation.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    # this attempt may have to make as many requests as the last one
    needed = func.least(most, func.greatest(REQUESTS_OF_AN_ATTEMPT, func.coalesce(last, 0)))
    return requests_made(now) + needed <= most


def requests_made(now: ColumnElement[datetime]) -> ColumnElement[int]:
    """Requests that the attempts of the last minute made; *now* is the database's clock."""
    return (
        select(func.coalesce(func.sum(BotReconciliation.requests), 0))
        .where(
            BotReconciliation.id
            > select(func.coalesce(func.max(BotReconciliation.id), 0) - MOST_ATTEMPTS).scalar_subquery()
        )
        .where(BotReconciliation.started_at > now - timedelta(minutes=1), BotReconciliation.started_at <= now)
        .scalar_subquery()
    )


def interval(settings: Settings, state: BotState) -> timedelta:
    """Time from one reconciliation that found agreement to the next."""
    return timedelta(seconds=STOPPED_EVERY_SEC if state is BotState.STOPPED else settings.reconcile_every_sec)


def is_older_than_gate(config: BotConfig, began_at: datetime, now: datetime) -> bool:
    """Whether the gate was closed, by a worker's start or a mode switch, after an attempt that *began_at* then."""
    return _lies_between(began_at, config.gate_closed_at, now)


def is_overtaken(config: BotConfig, began_at: datetime, now: datetime) -> bool:
    """Whether an attempt that began after *began_at* has already decided about the gate."""
    return _lies_between(began_at, config.reconcile_began_at, now)


def was_asked_since(config: BotConfig, began_at: datetime, now: datetime) -> bool:
    """Whether another attempt was asked for after one that *began_at* then."""
    return _lies_between(began_at, config.reconcile_due_at, now)


def _lies_between(began_at: datetime, moment: datetime | None, now: datetime) -> bool:
    # a time in the future is from before the clock was put back: it does not count
    return moment is not None and began_at < moment <= now


def wait_sec(failures: int, asked_sec: float) -> float:
    """Seconds until the next attempt, after the given number of *failures* before the last one. Up to RETRY_MOST_SEC, at least
    the *asked_sec* that Alpaca asked for."""
    return RetryPolicy(RETRY_FIRST_SEC, RETRY_MOST_SEC).wait_sec(failures, asked_sec)
