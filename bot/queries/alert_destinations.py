"""Where alerts are sent, and whether they arrive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.models import AlertStatus, BotAlert, BotAlertDestination
from bot.settings.settings import Settings

WEBHOOK = "webhook"


@dataclass(frozen=True)
class Known:
    """A destination in the settings."""

    name: str
    least: str


@dataclass(frozen=True)
class Shown(Known):
    """A destination, and how its deliveries went."""

    delivered_at: datetime | None = None
    failures: int = 0
    error: str | None = None
    next_attempt_at: datetime | None = None


def known(settings: Settings) -> Sequence[Known]:
    """The destinations of *settings*."""
    webhook = [Known(WEBHOOK, "info")] if settings.alert_webhook is not None else []
    return [*webhook, *(Known(each.name, each.least) for each in settings.alert_addresses)]


def all_of(session: Session, settings: Settings) -> Sequence[Shown]:
    """Each of the *destinations*, with its present state."""
    rows = {row.name: row for row in session.scalars(select(BotAlertDestination))}
    return [
        _webhook(session, each) if each.name == WEBHOOK else _shown(each, rows.get(each.name))
        for each in known(settings)
    ]


def _shown(of: Known, row: BotAlertDestination | None) -> Shown:
    if row is None:
        return Shown(of.name, of.least)
    waits = row.next_attempt_at if row.attempts else None
    return Shown(of.name, of.least, row.delivered_at, row.attempts, row.error, waits)


def _webhook(session: Session, of: Known) -> Shown:
    delivered_at = session.scalar(
        select(func.max(BotAlert.finished_at)).where(BotAlert.status == AlertStatus.DELIVERED)
    )
    waiting = session.scalars(
        select(BotAlert)
        .where(BotAlert.status == AlertStatus.QUEUED, BotAlert.error.is_not(None))
        .order_by(BotAlert.seq)
        .limit(1)
    ).one_or_none()
    if waiting is None:
        return Shown(of.name, of.least, delivered_at)
    return Shown(of.name, of.least, delivered_at, waiting.attempts, waiting.error, waiting.next_attempt_at)
