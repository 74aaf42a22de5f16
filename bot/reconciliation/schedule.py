"""Attempts to reconcile: which one decides about the gate, and when the next one is due."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from bot.broker.time_limits import GATHERING_LEASE_SEC
from bot.models import BotConfig, BotReconciliation, Trigger
from bot.runtime.retry import RetryPolicy
from bot.settings.settings import Settings
from bot.states import BotState

#: Wait between attempts, in seconds: doubled with each failure.
RETRY_FIRST_SEC, RETRY_MOST_SEC = 2.0, 60.0
#: Time between attempts while the bot is stopped, in seconds; while it is not, RECONCILE_EVERY_SEC says it.
STOPPED_EVERY_SEC = 300.0
#: Agreement that is older than this many intervals counts no longer.
STALE_INTERVALS = 3
#: No attempt is ever due later than this from now.
LATEST_DUE = timedelta(seconds=STOPPED_EVERY_SEC + 100)
#: No more attempts than this are made in a minute, whatever each of them asks for.
MOST_ATTEMPTS = 120
#: Requests of an attempt that finds agreement; so many have to be left for it.
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
    """The condition on the bot's row that an attempt is due and may be made; *now* is the database's clock."""
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
    # what the last attempt had to ask for, this one may have to ask for again
    needed = func.least(most, func.greatest(REQUESTS_OF_AN_ATTEMPT, func.coalesce(last, 0)))
    return requests_made(now) + needed <= most


def requests_made(now: ColumnElement[datetime]) -> ColumnElement[int]:
    """Requests that attempts of the last minute have made; *now* is the database's clock."""
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
    """Whether an attempt that began after *began_at* has decided about the gate already."""
    return _lies_between(began_at, config.reconcile_began_at, now)


def _lies_between(began_at: datetime, moment: datetime | None, now: datetime) -> bool:
    # a time yet to come is from before the clock was put back: it shuts nobody out
    return moment is not None and began_at < moment <= now


def wait_sec(failures: int, asked_sec: float) -> float:
    """Seconds until the next attempt, after so many *failures* before the last one. Within RETRY_MOST_SEC it is not made
    sooner than Alpaca has *asked* for."""
    return RetryPolicy(RETRY_FIRST_SEC, RETRY_MOST_SEC).wait_sec(failures, asked_sec)
