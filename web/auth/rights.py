"""What somebody may do: rights, which roles have and routes ask for."""

from __future__ import annotations

from collections.abc import Collection

from bot.settings.tokens import Role
from bot.states import CommandKind

READ = "read"
#: To record trades.
RECORD = "record"
#: To correct what is recorded, and all else that is an operator's and no command.
OPERATE = "operate"


def command(kind: CommandKind) -> str:
    """The right to give commands of one kind."""
    return f"command:{kind}"


_OF_ROLE = {
    Role.OPERATOR: [READ, RECORD, OPERATE, *map(command, CommandKind)],
    Role.VIEWER: [READ],
    Role.BOT: [READ, RECORD],
}


def of(role: Role, commands: Collection[CommandKind] | None) -> list[str]:
    """The rights of a *role*, which may be narrowed to a few *commands*."""
    return _OF_ROLE[role] if commands is None else [READ, *map(command, commands)]
