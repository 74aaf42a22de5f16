"""The panel's sessions as rows: their begin, last use and end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.alerts import outbox
from bot.models import AlertKind, BotSession
from bot.settings.tokens import Role
from bot.storage.look import prepared
from bot.storage.pipeline import Pipeline

#: A session ends after this time even if it is used: one trading day with the hours around it.
LIFETIME = timedelta(hours=24)
#: Sessions that one actor may have at once; the next login ends the one that was used longest ago.
MOST_OF_ONE = 10
#: Longest name of a browser that is kept, in characters.
MAX_USER_AGENT = 300

_NOW = func.clock_timestamp()


@dataclass(frozen=True)
class NewSession:
    """A login, before it is in the table."""

    id: UUID
    actor: str
    role: Role
    token_name: str | None
    remote_addr: str
    user_agent: str | None


def begin(session: Session, new: NewSession) -> None:
    """Store *new*, end sessions beyond MOST_OF_ONE, and send an alert if an operator logs in from a new address. Safe to repeat."""
    known = select(BotSession.id).where(
        BotSession.actor == new.actor, BotSession.remote_addr == new.remote_addr, BotSession.id != new.id
    )
    is_new_address = session.scalars(known.limit(1)).first() is None
    made = session.scalars(
        insert(BotSession)
        .values(
            id=new.id,
            actor=new.actor,
            role=new.role,
            token_name=new.token_name,
            remote_addr=new.remote_addr,
            user_agent=new.user_agent,
            expires_at=_NOW + LIFETIME,
        )
        .on_conflict_do_nothing()
        .returning(BotSession.id)
    ).one_or_none()
    if made is None:
        return
    beyond = (
        select(BotSession.id)
        .where(BotSession.actor == new.actor, *_is_live())
        .order_by(BotSession.last_seen_at.desc())
        .offset(MOST_OF_ONE)
    )
    session.execute(
        update(BotSession)
        .where(BotSession.id.in_(beyond))
        .values(ended_at=_NOW, ended_by="too many sessions")
    )
    if is_new_address and new.role == Role.OPERATOR:
        facts: dict[str, object] = {
            "actor": new.actor,
            "address": new.remote_addr,
            "userAgent": new.user_agent,
        }
        outbox.put(session, AlertKind.NEW_ADDRESS, facts)


def end(session: Session, new: NewSession, by: str) -> None:
    """End the session, even if it could not be stored so far."""
    row = {
        "id": new.id,
        "actor": new.actor,
        "role": new.role,
        "token_name": new.token_name,
        "remote_addr": new.remote_addr,
        "user_agent": new.user_agent,
        "expires_at": _NOW + LIFETIME,
        "ended_at": _NOW,
        "ended_by": by,
    }
    session.execute(
        insert(BotSession)
        .values(**row)
        .on_conflict_do_update(
            index_elements=[BotSession.id],
            set_={"ended_at": _NOW, "ended_by": by},
            where=BotSession.ended_at.is_(None),
        )
    )


def end_one(session: Session, session_id: UUID, actor: str, by: str) -> bool:
    """End one of *actor*'s sessions; returns whether it existed."""
    found = session.execute(
        update(BotSession)
        .where(BotSession.id == session_id, BotSession.actor == actor, *_is_live())
        .values(ended_at=_NOW, ended_by=by)
        .returning(BotSession.id)
    )
    return found.one_or_none() is not None


def is_ended(session: Session, session_id: UUID) -> bool:
    """Whether the session was ended before its time."""
    ended = select(BotSession.id).where(BotSession.id == session_id, BotSession.ended_at.is_not(None))
    return session.scalar(ended) is not None


def of_actor(session: Session, actor: str, idle: timedelta) -> Sequence[BotSession]:
    """The sessions of *actor* that have not ended, the last used first. One that was not used for *idle* has ended."""
    return session.scalars(
        select(BotSession)
        .where(BotSession.actor == actor, *_is_live(), BotSession.last_seen_at > _NOW - idle)
        .order_by(BotSession.last_seen_at.desc())
    ).all()


@dataclass(frozen=True)
class Known:
    """What decides whether a session is accepted."""

    #: Time since its last use, and time until it ends.
    idle: timedelta
    left: timedelta
    ended: bool


_KNOWN = prepared(
    "known_sessions",
    select(
        BotSession.id,
        _NOW - BotSession.last_seen_at,
        BotSession.expires_at - _NOW,
        BotSession.ended_at.is_not(None),
    ).where(BotSession.expires_at > _NOW),
)


def known(batch: Pipeline) -> Mapping[UUID, Known]:
    """All sessions whose time has not run out, including those that were ended."""
    return {key: Known(idle, left, ended) for key, idle, left, ended in batch.send(_KNOWN())}


def note_seen(session: Session, seen: Mapping[UUID, datetime]) -> None:
    """Store when sessions were last used."""
    for session_id, at in sorted(seen.items()):
        session.execute(
            update(BotSession)
            .where(BotSession.id == session_id, BotSession.last_seen_at < at)
            .values(last_seen_at=at)
        )


def _is_live() -> tuple[ColumnElement[bool], ...]:
    return BotSession.ended_at.is_(None), BotSession.expires_at > _NOW
