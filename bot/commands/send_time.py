"""When a manual command was sent, which decides whether a stop or kill came after it."""

from __future__ import annotations

from datetime import timedelta

from bot.errors import SendTimeInFuture, SendTimeMissing
from bot.models import BotCommand
from bot.states import CommandSpec, Source

#: How far in the future of the database's clock a manual command may have been sent: clocks differ a little.
MOST_AHEAD = timedelta(seconds=2)


def check(command: BotCommand, spec: CommandSpec) -> None:
    """Reject a manual command if it is not known whether it was sent before a stop or kill.

    Raises:
        SendTimeMissing, SendTimeInFuture: it is such a command.
    """
    needs_it = spec.needs_send_time(command.params)
    if command.source is not Source.CELERY or (spec.safer and not needs_it):
        return
    if command.sent_at is None:
        if needs_it:
            raise SendTimeMissing()
    elif command.sent_at - command.issued_at > MOST_AHEAD:
        ahead = (command.sent_at - command.issued_at).total_seconds()
        raise SendTimeInFuture(details={"aheadSec": round(ahead, 1)})
