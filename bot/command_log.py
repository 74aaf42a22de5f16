"""Commands as rows. The log decides; Celery only delivers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Interval, Table, bindparam, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.errors import IdempotencyConflict
from bot.models import BotCommand
from bot.states import EXPIRES_AFTER_SEC, CommandKind, CommandStatus, Source

#: Longest reason that is kept, in characters.
MAX_REASON = 500
#: Longest Idempotency-Key, in characters.
MAX_KEY = 200


@dataclass(frozen=True)
class Intention:
    """What somebody wants: a command before it is in the log. Its id is known before, so that asking twice for the
    same insert is harmless, and so that the truth can be asked for when a commit's fate is unknown."""

    kind: CommandKind
    actor: str
    source: Source
    params: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    idempotency_key: str | None = None
    id: UUID = field(default_factory=uuid4)
    #: Age of the intention when it reaches the log, where that is known: it shortens the time to its expiry.
    age: timedelta = timedelta(0)


def submit(session: Session, wanted: Intention) -> BotCommand:
    """Put *wanted* into the log, once: the same id, or the same actor's idempotency key, gives the row that is there.

    Raises:
        IdempotencyConflict: the key was used for another command.
    """
    lifetime = EXPIRES_AFTER_SEC.get(wanted.kind)
    row = {
        "id": wanted.id,
        "kind": wanted.kind,
        "params": dict(wanted.params),
        "actor": wanted.actor,
        "source": wanted.source,
        "reason": wanted.reason,
        "idempotency_key": wanted.idempotency_key,
        "age": wanted.age,
        "lifetime": None if lifetime is None else timedelta(seconds=lifetime),
    }
    inserted = session.connection().execute(_INSERT, row).mappings().one_or_none()
    if inserted is not None:
        return BotCommand(**inserted)
    there = find(session, wanted.id) or _by_key(session, wanted)
    if (there.kind, there.params, there.reason) != (wanted.kind, dict(wanted.params), wanted.reason):
        raise IdempotencyConflict(details={"commandId": str(there.id)})
    return there


def find(session: Session, command_id: UUID) -> BotCommand | None:
    row = session.connection().execute(_FIND, {"command_id": command_id}).mappings().one_or_none()
    return None if row is None else BotCommand(**row)


def pending(session: Session, *, up_to_seq: int | None = None) -> Sequence[BotCommand]:
    """The commands that are not finished, in the order in which they have to be."""
    rows = session.connection().execute(_PENDING, {"up_to_seq": up_to_seq or _NO_LIMIT}).mappings()
    return [BotCommand(**row) for row in rows]


def claim_gathering(session: Session, command_id: UUID, for_sec: float, *, is_orphan: bool = False) -> bool:
    """Take the right to gather evidence for a pending command, for so many seconds. False when another process has
    it, or the command is finished. *is_orphan* says that a process that had it is gone."""
    now = func.clock_timestamp()
    claimed = session.execute(
        update(BotCommand)
        .where(
            BotCommand.id == command_id,
            BotCommand.status == CommandStatus.QUEUED,
            or_(BotCommand.gathering_until.is_(None), BotCommand.gathering_until < now, literal(is_orphan)),
        )
        .values(gathering_until=now + timedelta(seconds=for_sec))
        .returning(BotCommand.id)
        .execution_options(synchronize_session=False)
    )
    return claimed.one_or_none() is not None


def page(
    session: Session,
    *,
    limit: int,
    before_seq: int | None = None,
    kinds: Iterable[CommandKind] = (),
    statuses: Iterable[CommandStatus] = (),
    sources: Iterable[Source] = (),
    actor: str | None = None,
    since: datetime | None = None,
) -> Sequence[BotCommand]:
    """At most *limit* commands, newest first, that match all that is given."""
    wanted: list[ColumnElement[bool]] = []
    if before_seq is not None:
        wanted.append(BotCommand.seq < before_seq)
    for column, values in (
        (BotCommand.kind, kinds),
        (BotCommand.status, statuses),
        (BotCommand.source, sources),
    ):
        if chosen := list(values):
            wanted.append(column.in_(chosen))
    if actor is not None:
        wanted.append(BotCommand.actor == actor)
    if since is not None:
        wanted.append(BotCommand.issued_at >= since)
    return session.scalars(
        select(BotCommand).where(*wanted).order_by(BotCommand.seq.desc()).limit(limit)
    ).all()


# Statements on every command's way are built once and read rows, not entities: both cost more than Postgres does.
_TABLE = cast(Table, BotCommand.__table__)
_NO_LIMIT = 2**63 - 1
_ISSUED_AT = func.clock_timestamp() - bindparam("age", type_=Interval)
_INSERT = (
    insert(_TABLE)
    .values(
        {
            name: bindparam(name)
            for name in ("id", "kind", "params", "actor", "source", "reason", "idempotency_key")
        }
        | {"issued_at": _ISSUED_AT, "expires_at": _ISSUED_AT + bindparam("lifetime", type_=Interval)}
    )
    .on_conflict_do_nothing()
    .returning(_TABLE)
)
_FIND = select(_TABLE).where(_TABLE.c.id == bindparam("command_id"))
_PENDING = (
    select(_TABLE)
    .where(_TABLE.c.status == CommandStatus.QUEUED, _TABLE.c.seq <= bindparam("up_to_seq"))
    .order_by(_TABLE.c.seq)
)


def _by_key(session: Session, wanted: Intention) -> BotCommand:
    return session.scalars(
        select(BotCommand).where(
            tuple_(BotCommand.actor, BotCommand.idempotency_key) == (wanted.actor, wanted.idempotency_key)
        )
    ).one()
