"""Alerts as they are shown, with their meaning and whether they are over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ScalarSelect, func, select, tuple_
from sqlalchemy.orm import Session, aliased

from bot.alerts.messages import MEANINGS, Severity, sentence
from bot.models import BotAlert

#: The most alerts that are counted as not acknowledged.
MOST_COUNTED = 200


@dataclass(frozen=True)
class ShownAlert:
    """One alert, with its meaning."""

    row: BotAlert
    resolved_at: datetime | None

    @property
    def severity(self) -> Severity:
        """How soon a person should look; a kind that only a newer release knows counts as a warning."""
        meaning = MEANINGS.get(self.row.kind)
        return Severity.WARNING if meaning is None else meaning.severity

    @property
    def text(self) -> str:
        """What happened, for a person."""
        return sentence(self.row.kind, self.row.facts)


_ends = aliased(BotAlert)
#: Each kind, with the kinds that mean its end.
_RESOLVED_BY = [(over, kind) for kind, meaning in MEANINGS.items() for over in meaning.resolves]
_HARMLESS = [kind for kind, meaning in MEANINGS.items() if meaning.severity is Severity.INFO]


def _resolved_at() -> ScalarSelect[datetime]:
    return (
        select(func.min(_ends.created_at))
        .where(_ends.seq > BotAlert.seq, tuple_(BotAlert.kind, _ends.kind).in_(_RESOLVED_BY))
        .correlate(BotAlert)
        .scalar_subquery()
    )


def page(session: Session, *, before_seq: int | None, limit: int) -> Sequence[ShownAlert]:
    """The newest alerts before *before_seq*."""
    query = select(BotAlert, _resolved_at()).order_by(BotAlert.seq.desc()).limit(limit)
    if before_seq is not None:
        query = query.where(BotAlert.seq < before_seq)
    return [ShownAlert(row, resolved_at) for row, resolved_at in session.execute(query)]


def unacknowledged(session: Session) -> int:
    """How many alerts are neither harmless, nor over, nor acknowledged; of the latest MOST_COUNTED."""
    latest = (
        select(_resolved_at().label("resolved_at"))
        .where(BotAlert.acknowledged_at.is_(None), BotAlert.kind.not_in(_HARMLESS))
        .order_by(BotAlert.seq.desc())
        .limit(MOST_COUNTED)
        .subquery()
    )
    return session.scalar(select(func.count()).where(latest.c.resolved_at.is_(None))) or 0
