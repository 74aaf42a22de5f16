"""Alerts as they are shown, with their meaning and whether they are over."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, ScalarSelect, exists, func, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from bot.alerts.messages import MEANINGS, Severity, sentence
from bot.models import AlertKind, BotAlert

#: The most alerts that are counted as not acknowledged.
MOST_COUNTED = 200


class AlertState(StrEnum):
    """Whether somebody still has to look at an alert."""

    OPEN = "open"  # a warning or worse, neither over nor acknowledged
    OVER = "over"  # a later alert said so
    ACKNOWLEDGED = "acknowledged"  # an operator has seen it


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
#: The first condition spares Postgres the search for the end of what has none.
_END = (
    BotAlert.kind.in_({kind for kind, _ in _RESOLVED_BY}),
    _ends.seq > BotAlert.seq,
    tuple_(BotAlert.kind, _ends.kind).in_(_RESOLVED_BY),
)
_IS_OVER = exists().where(*_END)
_STATES: Mapping[AlertState, ColumnElement[bool]] = {
    AlertState.OPEN: BotAlert.acknowledged_at.is_(None) & BotAlert.kind.not_in(_HARMLESS) & ~_IS_OVER,
    AlertState.OVER: _IS_OVER,
    AlertState.ACKNOWLEDGED: BotAlert.acknowledged_at.is_not(None),
}


def _resolved_at() -> ScalarSelect[datetime]:
    return (
        select(_ends.created_at)
        .where(*_END)
        .order_by(_ends.seq)
        .limit(1)
        .correlate(BotAlert)
        .scalar_subquery()
    )


def page(
    session: Session,
    *,
    before_seq: int | None,
    limit: int,
    kinds: Collection[AlertKind] = (),
    severities: Collection[Severity] = (),
    states: Collection[AlertState] = (),
) -> Sequence[ShownAlert]:
    """The newest alerts before *before_seq* that match all conditions."""
    query = select(BotAlert, _resolved_at()).order_by(BotAlert.seq.desc()).limit(limit)
    if before_seq is not None:
        query = query.where(BotAlert.seq < before_seq)
    if kinds:
        query = query.where(BotAlert.kind.in_(kinds))
    if severities:
        query = query.where(or_(*map(_is_of, severities)))
    if states:
        query = query.where(or_(*(_STATES[each] for each in states)))
    return [ShownAlert(row, resolved_at) for row, resolved_at in session.execute(query)]


def _is_of(severity: Severity) -> ColumnElement[bool]:
    if severity is Severity.WARNING:  # so is what only a newer release knows
        others = [kind for kind, meaning in MEANINGS.items() if meaning.severity is not severity]
        return BotAlert.kind.not_in(others)
    return BotAlert.kind.in_([kind for kind, meaning in MEANINGS.items() if meaning.severity is severity])


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
