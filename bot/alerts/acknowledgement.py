"""Acknowledging alerts."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from bot.models import BotAlert


def acknowledge(session: Session, ids: Collection[UUID], actor: str) -> int:
    """Note that *actor* has seen the alerts *ids*. Returns how many of them were not acknowledged before."""
    found = session.scalars(
        update(BotAlert)
        .where(BotAlert.id.in_(ids), BotAlert.acknowledged_at.is_(None))
        .values(acknowledged_at=func.clock_timestamp(), acknowledged_by=actor)
        .returning(BotAlert.id)
    )
    return len(found.all())
