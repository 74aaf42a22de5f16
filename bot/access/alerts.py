"""Alerts about who was not let in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.alerts import outbox
from bot.models import AlertKind, BotAlert

#: The same is told once within this time: whoever guesses must not flood those who are told.
QUIET_FOR = timedelta(minutes=10)


def tell_once(session: Session, kind: AlertKind, facts: Mapping[str, object]) -> None:
    """Have *kind* told, unless it was with the same *facts* lately."""
    told = select(BotAlert.seq).where(
        BotAlert.kind == kind,
        BotAlert.facts.contains(dict(facts)),
        BotAlert.created_at > func.clock_timestamp() - QUIET_FOR,
    )
    if session.scalars(told.limit(1)).first() is None:
        outbox.put(session, kind, dict(facts))
