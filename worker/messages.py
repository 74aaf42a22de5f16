"""Reads a Celery message: the API's announcement that a command is in the log, or a manual command."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bot.errors import InvalidParams
from bot.settings.queue import ANNOUNCEMENT, DUE_AT, SENT_AT
from bot.states import COMMANDS, CommandKind, Source
from bot.validation import is_storable

if TYPE_CHECKING:
    from bot.commands.log import NewCommand

#: Largest arguments of a manual command, in characters of JSON.
MAX_ARGUMENTS = 64 * 1024
#: Longest name of a sender that is kept, in characters.
MAX_SENDER = 200
ACTOR = "celery"
_ABSENT = object()


def is_announcement(request: Any) -> bool:
    return bool(request.get(ANNOUNCEMENT))


def manual(
    kind: CommandKind, command_id: UUID, args: tuple[Any, ...], kwargs: dict[str, Any], request: Any
) -> NewCommand:
    """The command that ``celery call bot.<kind>`` asks for. Its parameters are judged with it, under the lock.

    Raises:
        InvalidParams: the arguments have a shape that no command has. A kill is taken with any.
    """
    from bot.commands.log import NewCommand  # see worker.context

    params: dict[str, Any] = {}
    if kind is CommandKind.KILL:
        others = dict(kwargs)
        if others.get("flatten") is True:
            params["flatten"] = others.pop("flatten")
        reason = _reason_of_kill(args, others)
    else:
        params, reason = _checked(kind, args, kwargs)
    return NewCommand(
        kind=kind,
        actor=ACTOR,
        source=Source.CELERY,
        params=params,
        reason=reason,
        id=command_id,
        sent_at=_time(request.get(SENT_AT)),
        due_at=_due_at(request),
        sent_from=_sender(request),
    )


def times_kept(request: Any) -> dict[str, Any]:
    """The headers with which a message is sent again, so that it does not look freshly sent."""
    due_at = _due_at(request)
    return {SENT_AT: request.get(SENT_AT), DUE_AT: None if due_at is None else due_at.timestamp()}


def _checked(
    kind: CommandKind, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[dict[str, Any], str | None]:
    from bot.commands.log import MAX_REASON  # see worker.context

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
    return params, reason


def _reason_of_kill(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    """The text of all arguments of a kill: it kills whatever its arguments are, and they are kept as its reason."""
    from bot.commands.log import MAX_REASON  # see worker.context

    others = dict(kwargs)
    said = [others.pop("reason", None), *args, *(f"{name}={value}" for name, value in others.items())]
    text = " ".join(str(each) for each in said if each is not None)
    kept = "".join(character for character in text[: 2 * MAX_REASON] if is_storable(character)).strip()
    return kept[:MAX_REASON] or None


def _due_at(request: Any) -> datetime | None:
    """When a message with ``--countdown`` or ``--eta`` fell due."""
    kept = request.get(DUE_AT, _ABSENT)
    if kept is not _ABSENT:
        return _time(kept)  # its own eta is that of the retry
    try:
        due_at = datetime.fromisoformat(str(request.get("eta")))
    except ValueError:
        return None
    return due_at if due_at.tzinfo else due_at.replace(tzinfo=UTC)


def _sender(request: Any) -> str | None:
    """The process and host that a message says it comes from (``gen4711@host``)."""
    origin = request.get("origin")
    if not isinstance(origin, str) or not is_storable(origin):
        return None
    return origin[:MAX_SENDER] or None


def _time(seconds: Any) -> datetime | None:
    """The time of epoch *seconds*; None for what is not a time."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _hint(kind: CommandKind) -> str:
    example = {
        CommandKind.SET_MODE: """ --args '["live"]'""",
        CommandKind.SETTLE: """ --kwargs '{"action": "acknowledge", "tradeId": "…", "reason": "…"}'""",
        CommandKind.FLATTEN: """ --kwargs '{"symbol": "AAPL"}'""",
        CommandKind.UPDATE_CONFIG: """ --kwargs '{"maxConcurrentPositions": 2}'""",
    }.get(kind, """ --kwargs '{"reason": "…"}'""")
    return f"; try: celery -A worker call bot.{kind}{example}"
