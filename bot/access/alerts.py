"""Alerts about rejected access."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.alerts import outbox
from bot.models import AlertKind, BotAlert

#: The same alert is sent once within this time: somebody who guesses tokens must not flood the receivers.
QUIET_FOR = timedelta(minutes=10)


def tell_once(session: Session, kind: AlertKind, facts: Mapping[str, object]) -> None:
    """Send an alert of *kind*, unless one with the same *facts* was sent recently."""
    told = select(BotAlert.seq).where(
        BotAlert.kind == kind,
        BotAlert.facts.contains(dict(facts)),
        BotAlert.created_at > func.clock_timestamp() - QUIET_FOR,
    )
    if session.scalars(told.limit(1)).first() is None:
        outbox.put(session, kind, dict(facts))
