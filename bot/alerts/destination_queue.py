"""The alerts that each destination has yet to receive, and the right to deliver them.

Each destination has its own attempts, waits and lease, so one that cannot be reached does not delay the others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, Update, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.alerts.outbox import GIVEN_UP_AFTER, RETRY
from bot.models import AlertKind, BotAlert, BotAlertDelivery, BotAlertDestination

#: The most alerts in one message.
BATCH = 10
#: How long the right to deliver holds; longer than any delivery takes.
LEASE = timedelta(seconds=60)

_NOW = func.clock_timestamp()


def register(session: Session, name: str) -> None:
    """Register the destination *name*: it receives alerts about what happens from now on."""
    session.execute(insert(BotAlertDestination).values(name=name).on_conflict_do_nothing())


def is_due(session: Session, name: str, unwanted: Collection[AlertKind], *, patience: timedelta) -> bool:
    """Whether an alert has waited for longer than *patience*, and the next attempt may be made."""
    row = session.get(BotAlertDestination, name)
    if row is None or row.next_attempt_at > _now(session) - patience:
        return False
    return bool(session.scalar(select(_untold(row, unwanted, patience).limit(1).exists())))


def claim(
    session: Session, name: str, unwanted: Collection[AlertKind], *, patience: timedelta
) -> Sequence[BotAlert]:
    """Take the right to deliver and return the oldest undelivered alerts; none while another process has that right."""
    row = session.scalars(
        select(BotAlertDestination)
        .where(BotAlertDestination.name == name)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    now = _now(session)
    if row is None or row.next_attempt_at > now - patience:
        return []
    if row.leased_until is not None and row.leased_until > now:
        return []
    alerts = session.scalars(_untold(row, unwanted, patience).order_by(BotAlert.seq).limit(BATCH)).all()
    if alerts:
        row.leased_until = now + LEASE
    return alerts


def taken(session: Session, name: str, alerts: Collection[BotAlert]) -> None:
    """Note that it has received *alerts*."""
    rows = [{"alert_id": alert.id, "destination": name} for alert in alerts]
    session.execute(insert(BotAlertDelivery).values(rows).on_conflict_do_nothing())
    session.execute(
        _of(name).values(attempts=0, error=None, leased_until=None, delivered_at=_NOW, next_attempt_at=_NOW)
    )


def failed(session: Session, name: str, error: str) -> None:
    """Note that the delivery failed; the next attempt is made after a wait."""
    row = session.scalars(
        select(BotAlertDestination).where(BotAlertDestination.name == name).with_for_update()
    ).one()
    wait = timedelta(seconds=RETRY.wait_sec(row.attempts))
    session.execute(
        _of(name).values(
            attempts=row.attempts + 1, error=error, leased_until=None, next_attempt_at=_NOW + wait
        )
    )


def _of(name: str) -> Update:
    return update(BotAlertDestination).where(BotAlertDestination.name == name)


def _untold(
    row: BotAlertDestination, unwanted: Collection[AlertKind], patience: timedelta
) -> Select[BotAlert]:
    told: ColumnElement[bool] = (
        select(BotAlertDelivery.alert_id)
        .where(BotAlertDelivery.alert_id == BotAlert.id, BotAlertDelivery.destination == row.name)
        .exists()
    )
    return select(BotAlert).where(
        BotAlert.created_at > func.greatest(row.since, _NOW - GIVEN_UP_AFTER),
        BotAlert.created_at <= _NOW - patience,
        BotAlert.kind.not_in(unwanted),
        ~told,
    )


def _now(session: Session) -> datetime:
    now: datetime = session.execute(select(_NOW)).scalar_one()
    return now
