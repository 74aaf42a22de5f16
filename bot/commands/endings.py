"""How a command ends that is not applied: rejected, expired or superseded. It is called under the lock and commits nothing."""

from __future__ import annotations

from datetime import datetime

from bot.errors import CommandRefused, Expired, NotApproved, Superseded
from bot.models import BotCommand
from bot.states import CommandStatus, spec_of
from bot.storage.locked_bot import LockedBot

_STATUS = {Expired: CommandStatus.EXPIRED, Superseded: CommandStatus.SUPERSEDED}


def end_overdue(locked: LockedBot) -> list[BotCommand]:
    """Finish the pending commands that can never take effect, because they are superseded or have expired."""
    for command in locked.pending:
        if end := why_over(locked, command, locked.now):
            reject(locked, command, end)
    return locked.finished


def end_unapproved(locked: LockedBot, by: str | None = None) -> list[BotCommand]:
    """Finish the pending commands of *locked*, which wait for a second person: *by* rejects them; without, nobody approved them in
    time."""
    for command in locked.pending:
        if by is None:
            reject(locked, command, Expired("No second person approved it in time; nothing was changed."))
        else:
            reject(
                locked,
                command,
                NotApproved(f"{by} rejected it before it took its turn; nothing was changed."),
            )
    return locked.finished


def why_over(
    locked: LockedBot, command: BotCommand, now: datetime, halt_seq: int = 0
) -> CommandRefused | None:
    """Why *command* can never take effect; None if it can. *halt_seq* is the number of a stop or kill that is about to be
    judged."""
    config = locked.config
    if spec_of(command.kind).yields_to_halts(command.params):
        halts = [at for at in (config.halted_at, locked.halt_asked_at) if at is not None]
        if command.seq < max(config.halt_seq, halt_seq) or any(command.ordered_at < at for at in halts):
            return Superseded()
    if command.expires_at is not None and command.expires_at <= now:
        return Expired()
    return None


def reject(locked: LockedBot, command: BotCommand, reason: CommandRefused) -> None:
    """Finish *command* without applying it, with *reason* as its error."""
    command.status = _STATUS.get(type(reason), CommandStatus.REJECTED)
    command.from_state = locked.config.state
    command.mode = locked.config.mode
    command.error_code, command.error = reason.code, str(reason)
    command.error_details = reason.details or None
    command.finished_at = locked.now
    locked.finished.append(command)
