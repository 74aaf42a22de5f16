"""Hands alerts out for delivery, in order and to one process at a time, and stores the result.

The right to deliver is a lease: if a process dies while it holds it, the lease runs out and the alerts are sent again (at least
once; a receiver recognizes a repetition by the alert's id).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from bot.models import AlertKind, AlertStatus, BotAlert
from bot.runtime.retry import RetryPolicy

#: The most alerts that are handed out at once.
BATCH = 50
#: How long the right to deliver holds; longer than any delivery takes.
LEASE = timedelta(seconds=45)
#: Waits between attempts.
RETRY = RetryPolicy(first_sec=2.0, most_sec=300.0)
#: Alerts that could not be delivered for this long are given up.
GIVEN_UP_AFTER = timedelta(days=1)
#: Alerts that are delivered or given up are removed after this time.
FORGOTTEN_AFTER = timedelta(days=90)

#: Number of the advisory lock under which alerts are handed out.
_LOCK = 0x70697462_01
_NOW = func.clock_timestamp()


def put(session: Session, kind: AlertKind, facts: dict[str, object]) -> UUID:
    """Put an alert of *kind* into the outbox and return its id."""
    alert = BotAlert(id=uuid4(), kind=kind, facts=facts)
    session.add(alert)
    return alert.id


def is_due(session: Session, *, patience: timedelta) -> bool:
    """Whether an alert has been due for longer than *patience*."""
    return bool(
        session.scalar(
            select(
                select(BotAlert.seq)
                .where(
                    BotAlert.status == AlertStatus.QUEUED,
                    BotAlert.next_attempt_at <= _NOW - patience,
                    (BotAlert.leased_until.is_(None)) | (BotAlert.leased_until < _NOW),
                )
                .exists()
            )
        )
    )


def claim(session: Session, *, patience: timedelta) -> Sequence[BotAlert]:
    """Take the oldest queued alerts, if one of them is due (see ``is_due``) and no other process delivers.

    Alerts that wait for their next attempt are returned together with a new one, which keeps the order.
    """
    if not session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
        return []
    now: datetime = session.execute(select(_NOW)).scalar_one()
    alerts = session.scalars(
        select(BotAlert).where(BotAlert.status == AlertStatus.QUEUED).order_by(BotAlert.seq).limit(BATCH)
    ).all()
    if any(alert.leased_until is not None and alert.leased_until > now for alert in alerts):
        return []
    if not any(alert.next_attempt_at <= now - patience for alert in alerts):
        return []
    for alert in alerts:
        alert.leased_until = now + LEASE
        alert.attempts += 1
    return alerts


def delivered(session: Session, ids: Collection[UUID]) -> None:
    """Note that the receiver has accepted them."""
    session.execute(
        update(BotAlert)
        .where(BotAlert.id.in_(ids), BotAlert.status == AlertStatus.QUEUED)
        .values(status=AlertStatus.DELIVERED, finished_at=_NOW, leased_until=None, error=None)
    )


def failed(session: Session, alerts: Collection[BotAlert], error: str, *, wait_sec: float = 0.0) -> None:
    """Note that they could not be delivered; the next attempt is due after a wait of at least *wait_sec* seconds."""
    attempts = max((alert.attempts for alert in alerts), default=1)
    wait = RETRY.wait_sec(attempts - 1, wait_sec)
    session.execute(
        update(BotAlert)
        .where(BotAlert.id.in_([alert.id for alert in alerts]), BotAlert.status == AlertStatus.QUEUED)
        .values(error=error, leased_until=None, next_attempt_at=_NOW + timedelta(seconds=wait))
    )


def tidy(session: Session, never_tried: str) -> int:
    """Mark alerts undelivered for a day as given up; delete finished ones after 90 days.

    Args:
        session: runs the two statements.
        never_tried: the error of an alert that was never tried.

    Returns:
        How many were given up.
    """
    given_up = session.scalars(
        update(BotAlert)
        .where(
            BotAlert.status == AlertStatus.QUEUED,
            BotAlert.created_at < _NOW - GIVEN_UP_AFTER,
            (BotAlert.leased_until.is_(None)) | (BotAlert.leased_until < _NOW),
        )
        .values(
            status=AlertStatus.GIVEN_UP,
            finished_at=_NOW,
            leased_until=None,
            error=func.coalesce(BotAlert.error, never_tried),
        )
        .returning(BotAlert.seq)
    ).all()
    session.execute(
        delete(BotAlert).where(
            BotAlert.status != AlertStatus.QUEUED, BotAlert.created_at < _NOW - FORGOTTEN_AFTER
        )
    )
    return len(given_up)
