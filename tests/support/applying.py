"""A command from its request to its end, without a worker."""

from __future__ import annotations

from bot.commands.controller import Controller
from bot.commands.log import NewCommand
from bot.models import BotCommand
from bot.states import CommandKind


def apply(controller: Controller, wanted: NewCommand) -> BotCommand:
    """Have *wanted* finished the way that commands of its kind go; if it needs evidence, it is still pending after that."""
    if wanted.kind is CommandKind.KILL:
        return controller.kill(wanted)
    command = controller.submit(wanted)
    controller.apply(up_to_seq=command.seq)
    return controller.find(command.id) or command
