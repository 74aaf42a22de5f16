"""A kill while the log cannot be written: the disk is full, or Postgres accepts no more notifications.

It takes effect on the bot's one row, which has room for its next version, and sends no notification. The next process that
takes the lock and can write the log adds the kill's row to it.
"""

from __future__ import annotations

import logging
from uuid import UUID

from bot.commands import flatten
from bot.commands import log as command_log
from bot.commands.log import NewCommand
from bot.errors import DatabaseFull
from bot.models import BotCommand
from bot.states import COMMANDS, BotState, CommandKind, CommandStatus, Mode, Source
from bot.storage.database import Database
from bot.storage.locked_bot import LockedBot, patiently
from bot.storage.pipeline import Pipeline
from bot.storage.statements import READ_LOCKED_ALONE

#: The first step of its transaction, after which the triggers of the bot's row notify nobody.
_WITHOUT_NOTIFICATION = "SET LOCAL pitboss.quiet = 'on'"

log = logging.getLogger(__name__)


def apply(database: Database, wanted: NewCommand, why: DatabaseFull) -> BotCommand:
    """Apply *wanted*, which could not be written because of *why*, to the bot's row alone.

    Raises:
        LockBusy: the lock was not free within LOCK_PATIENCE_SEC. DatabaseUnavailable: not even that can be written.
    """
    command = patiently(database, lambda: database.batched(lambda batch: take_effect(batch, wanted)))
    log.error(
        "kill applied without its row in the log, which follows as soon as it can be written: %s",
        why,
        extra={"command_id": str(wanted.id), "kind": wanted.kind, "actor": wanted.actor},
    )
    return command


def take_effect(batch: Pipeline, wanted: NewCommand) -> BotCommand:
    """Apply *wanted* to the bot's row alone and commit; returns the command as its row will show it, but for the revision.

    Raises:
        DatabaseUnavailable: not even that can be written.
    """
    locked = LockedBot.take(batch, _WITHOUT_NOTIFICATION, read=READ_LOCKED_ALONE(wanted.id))
    command = _apply(locked, wanted)
    locked.commit()
    return command


def _apply(locked: LockedBot, wanted: NewCommand) -> BotCommand:
    config = locked.config
    from_state = config.state
    config.state = COMMANDS[CommandKind.KILL].leads_to[from_state]
    config.enabled = False
    config.killed_at, config.kill_reason = locked.now, wanted.reason or config.kill_reason
    config.halted_at = locked.now
    config.updated_at = locked.now
    if config.unlogged_kill is None:  # a second kill changes nothing that the log has to show
        config.unlogged_kill = {
            "id": str(wanted.id),
            "actor": wanted.actor,
            "source": wanted.source,
            "reason": wanted.reason,
            "remoteAddr": wanted.remote_addr,
            "tokenName": wanted.token_name,
            "sentFrom": wanted.sent_from,
            "fromState": from_state,
            "mode": config.mode,
            "params": dict(wanted.params),
        }
    elif wanted.params.get("flatten") is True:
        config.unlogged_kill = {**config.unlogged_kill, "params": dict(wanted.params)}
    return BotCommand(
        id=wanted.id,
        kind=wanted.kind,
        params=dict(wanted.params),
        actor=wanted.actor,
        source=wanted.source,
        reason=wanted.reason,
        status=CommandStatus.APPLIED,
        from_state=from_state,
        to_state=config.state,
        mode=config.mode,
        issued_at=locked.now,
        finished_at=locked.now,
    )


def write_row(locked: LockedBot) -> None:
    """If a kill is missing in the log, put it there as an applied command."""
    config = locked.config
    kept = config.unlogged_kill
    if kept is None:
        return
    wanted = NewCommand(
        kind=CommandKind.KILL,
        id=UUID(kept["id"]),
        actor=kept["actor"],
        source=Source(kept["source"]),
        reason=kept["reason"],
        remote_addr=kept["remoteAddr"],
        token_name=kept.get("tokenName"),
        sent_from=kept.get("sentFrom"),
        params=kept.get("params") or {},
    )
    # sent again meanwhile, it is there, perhaps without the flatten that a second one asked for
    command = command_log.find(locked.batch, wanted.id) or command_log.submit(locked.batch, wanted)
    config.unlogged_kill = None
    config.revision += 1
    command.status = CommandStatus.APPLIED
    command.from_state, command.to_state = BotState(kept["fromState"]), BotState.STOPPED
    command.mode = Mode(kept["mode"])
    command.revision = config.revision
    command.finished_at = locked.now = max(locked.now, command.issued_at)
    config.halt_seq = max(config.halt_seq, command.seq)
    locked.pending = [each for each in locked.pending if each.id != command.id]
    locked.new = [each for each in locked.new if each.id != command.id]
    locked.finished.append(command)
    if flatten.is_asked_for(wanted.params, strict=False):
        flatten.start(locked, command)
