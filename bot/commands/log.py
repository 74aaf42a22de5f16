"""The command log: commands as rows. The log decides; Celery only delivers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, literal, or_, update
from sqlalchemy.orm import Session

from bot.errors import IdempotencyConflict, TooManyPending
from bot.models import BotCommand
from bot.reconciliation.schedule import has_requests_left
from bot.settings.settings import Settings
from bot.states import COMMANDS, CommandKind, CommandStatus, Source
from bot.storage.pipeline import Pipeline, Step
from bot.storage.statements import (
    ANYTHING_TO_FINISH,
    AWAITING_EVIDENCE,
    COMMAND,
    COMMAND_BY_KEY,
    FIND_COMMAND,
    INSERT_COMMAND,
    LAST_PENDING_HALT,
    OVERDUE_COMMANDS,
    PENDING_COMMANDS,
    READ_LOCKED_NEW,
)

#: How long a command waits for a second person.
APPROVED_WITHIN = timedelta(minutes=10)
#: Longest reason that is kept, in characters.
MAX_REASON = 500
#: Longest Idempotency-Key, in characters.
MAX_KEY = 200


@dataclass(frozen=True)
class NewCommand:
    """A command before it is in the log. It has its id already, so inserting it twice is harmless, and if the outcome of a
    commit is unknown the row can be looked up."""

    kind: CommandKind
    actor: str
    source: Source
    params: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    idempotency_key: str | None = None
    id: UUID = field(default_factory=uuid4)
    #: Address of the client that asked for it.
    remote_addr: str | None = None
    #: When a manual command was sent, and when it was due, by its sender's clock; None if the message does not say.
    sent_at: datetime | None = None
    due_at: datetime | None = None
    #: Name of the token that was used, and the host that sent a manual command.
    token_name: str | None = None
    sent_from: str | None = None
    #: Whether it waits for a second person before it takes its turn.
    awaits_approval: bool = False


def new_step(wanted: NewCommand) -> Step:
    """The step that reads the locked row with *wanted*, which is not in the log: ``LockedBot.commit`` puts it there. Without it, if
    its id or its actor's idempotency key is in the log already."""
    return READ_LOCKED_NEW(*_asked(wanted))


def _asked(wanted: NewCommand) -> tuple[Any, ...]:
    spec = COMMANDS[wanted.kind]
    lifetime = lifetime_of(wanted.kind)
    return (
        wanted.id,
        wanted.kind,
        json.dumps(dict(wanted.params)),
        wanted.actor,
        wanted.source,
        wanted.reason,
        wanted.idempotency_key,
        wanted.remote_addr,
        wanted.sent_at,
        wanted.due_at,
        APPROVED_WITHIN if wanted.awaits_approval else lifetime,
        spec.safer or wanted.awaits_approval,
        wanted.token_name,
        wanted.sent_from,
        CommandStatus.AWAITING_APPROVAL if wanted.awaits_approval else CommandStatus.QUEUED,
    )


def lifetime_of(kind: CommandKind) -> timedelta | None:
    """How long a command of this kind may stay pending; None if for ever."""
    seconds = COMMANDS[kind].expires_after_sec
    return None if seconds is None else timedelta(seconds=seconds)


def submit(batch: Pipeline, wanted: NewCommand) -> BotCommand:
    """Put *wanted* into the log once: with the same id, or the same actor's idempotency key, return the existing row.

    Raises:
        IdempotencyConflict: the key was used for another command.
        TooManyPending: MOST_PENDING commands are pending, and it does not make the bot safer.
    """
    if rows := batch.send(INSERT_COMMAND(*_asked(wanted)), decides=True):
        return _command(rows[0])
    found = find(batch, wanted.id) or by_key(batch, wanted)
    if found is None:
        raise TooManyPending()
    if not _asks_for(found, wanted):
        raise IdempotencyConflict(details={"commandId": str(found.id)})
    return found


def find_kill(batch: Pipeline, wanted: NewCommand, *, is_killed: bool) -> BotCommand:
    """The kill in the log with the id or the key of *wanted*.

    A repeated key must not answer "stopped" for a bot that runs: unless the bot is killed, or the kill with that key is still
    pending, *wanted* becomes a new kill without a key.
    """
    if found := find(batch, wanted.id):
        return found
    found = by_key(batch, wanted)
    if found is not None and _asks_for(found, wanted) and (found.pending or is_killed):
        return found
    return submit(batch, replace(wanted, idempotency_key=None))


def _asks_for(found: BotCommand, wanted: NewCommand) -> bool:
    """Whether the command *found* requests the same as *wanted*."""
    return (found.kind, found.params, found.reason) == (wanted.kind, dict(wanted.params), wanted.reason)


def find(batch: Pipeline, command_id: UUID) -> BotCommand | None:
    """The command with this id; None if it is not in the log."""
    rows = batch.send(FIND_COMMAND(command_id))
    return _command(rows[0]) if rows else None


def pending(batch: Pipeline) -> list[BotCommand]:
    """The commands that are not finished, in the order in which they have to be finished."""
    return [_command(row) for row in batch.send(PENDING_COMMANDS())]


def awaiting_evidence(batch: Pipeline, limit: int) -> list[BotCommand]:
    """The first pending commands that need evidence."""
    return [_command(row) for row in batch.send(AWAITING_EVIDENCE(limit))]


def anything_to_finish(batch: Pipeline) -> bool:
    """Whether a pending command can be finished without evidence."""
    return bool(batch.send(ANYTHING_TO_FINISH())[0][0])


def last_pending_halt(batch: Pipeline) -> int | None:
    """``seq`` of the last pending stop or kill."""
    seq: int | None = batch.send(LAST_PENDING_HALT())[0][0]
    return seq


@dataclass(frozen=True)
class Overdue:
    """Which commands have been pending for too long."""

    #: Whether some have expired or are superseded.
    over: bool
    #: Whether a stop or a pause has waited for too long, and the ``seq`` of the last one that waits.
    overdue: bool
    last_safer: int | None
    #: Whether some were not approved in time.
    unapproved: bool


def overdue(batch: Pipeline, safer_within: timedelta) -> Overdue:
    """Which pending commands are overdue; a stop or a pause is if it has waited for longer than given."""
    [row] = batch.send(OVERDUE_COMMANDS(safer_within))
    return Overdue(*row)


def claim_gathering(
    session: Session, command_id: UUID, for_sec: float, settings: Settings, *, is_orphan: bool = False
) -> bool:
    """Take the right to gather evidence for a pending command, for the given number of seconds. False if another process has
    it, the command is finished, or Alpaca must not be asked again yet. *is_orphan* says that the process that had the right
    is gone."""
    now = func.clock_timestamp()
    claimed = session.execute(
        update(BotCommand)
        .where(
            BotCommand.id == command_id,
            BotCommand.status == CommandStatus.QUEUED,
            or_(
                BotCommand.gathering_until.is_(None),
                BotCommand.gathering_until < now,
                # it was taken before the clock was put back
                BotCommand.gathering_until > now + timedelta(seconds=for_sec),
                literal(is_orphan),
            ),
            or_(BotCommand.kind != CommandKind.RECONCILE, has_requests_left(now, settings)),
        )
        .values(gathering_until=now + timedelta(seconds=for_sec))
        .returning(BotCommand.id)
        .execution_options(synchronize_session=False)
    )
    return claimed.one_or_none() is not None


def by_key(batch: Pipeline, wanted: NewCommand) -> BotCommand | None:
    """The command with the idempotency key of *wanted*, of the same actor."""
    if wanted.idempotency_key is None:
        return None
    rows = batch.send(COMMAND_BY_KEY(wanted.actor, wanted.idempotency_key))
    return _command(rows[0]) if rows else None


def _command(row: Sequence[Any]) -> BotCommand:
    return COMMAND.instance(COMMAND.values(row))
