"""Reads a Celery message as an intention: a doorbell rung by the API, or a command sent by hand."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from bot.commands.log import MAX_REASON, NewCommand
from bot.errors import InvalidParams
from bot.settings.queue import DOORBELL
from bot.states import COMMANDS, CommandKind, Source
from bot.validation import is_storable

#: Largest arguments of a command sent by hand, in characters of JSON.
MAX_ARGUMENTS = 64 * 1024
ACTOR = "celery"


def is_doorbell(request: Any) -> bool:
    return bool(request.get(DOORBELL))


def by_hand(
    kind: CommandKind, command_id: UUID, args: tuple[Any, ...], kwargs: dict[str, Any], *, age: timedelta
) -> NewCommand:
    """The command that ``celery call bot.<kind>`` asks for. Its parameters are judged with it, under the lock.

    Raises:
        InvalidParams: the arguments have a shape that no command has.
    """
    params = dict(kwargs)
    reason = params.pop("reason", None)
    if len(json.dumps([args, kwargs])) > MAX_ARGUMENTS or not is_storable([list(args), kwargs]):
        raise InvalidParams(f"bot.{kind} was sent arguments that are too large or not storable.")
    if kind is CommandKind.SET_MODE and len(args) == 1 and not params:
        params, args = {"mode": args[0]}, ()
    if args:
        raise InvalidParams(f"bot.{kind} takes no positional arguments" + _hint(kind))
    if reason is not None and (not isinstance(reason, str) or len(reason) > MAX_REASON):
        raise InvalidParams(f"bot.{kind}: reason must be a text of at most {MAX_REASON} characters.")
    known = COMMANDS[kind].params
    if known is not None and (unknown := params.keys() - known):
        raise InvalidParams(
            f"bot.{kind} does not know the argument(s) {', '.join(sorted(unknown))}" + _hint(kind)
        )
    return NewCommand(
        kind=kind, actor=ACTOR, source=Source.CELERY, params=params, reason=reason, id=command_id, age=age
    )


def _hint(kind: CommandKind) -> str:
    example = {
        CommandKind.SET_MODE: """ --args '["live"]'""",
        CommandKind.SETTLE: """ --kwargs '{"action": "acknowledge", "tradeId": "…", "reason": "…"}'""",
        CommandKind.UPDATE_CONFIG: """ --kwargs '{"maxConcurrentPositions": 2}'""",
    }.get(kind, """ --kwargs '{"reason": "…"}'""")
    return f"; try: celery -A worker call bot.{kind}{example}"
