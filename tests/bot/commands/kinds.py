"""The kinds of commands by their short names, and what became of the commands of a log."""

from __future__ import annotations

from bot.states import CommandKind
from tests.bot.world import World

START, PAUSE, RESUME = CommandKind.START, CommandKind.PAUSE, CommandKind.RESUME
STOP, KILL, REARM = CommandKind.STOP, CommandKind.KILL, CommandKind.REARM
SET_MODE, UPDATE, RECONCILE = CommandKind.SET_MODE, CommandKind.UPDATE_CONFIG, CommandKind.RECONCILE


def statuses(world: World) -> list[tuple[str, str]]:
    return [(row["kind"], row["status"]) for row in world.log()]
