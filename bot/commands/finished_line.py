"""The log line that tells how a command finished."""

from __future__ import annotations

from typing import Any

from bot.models import BotCommand


def text(command: BotCommand) -> str:
    """The sentence, as in ``start applied``."""
    return f"{command.kind} {command.status}" + (f": {command.error}" if command.error else "")


def fields(command: BotCommand) -> dict[str, Any]:
    """The fields beside it, with the names that docs/operations.md promises."""
    took = (command.finished_at or command.issued_at) - command.issued_at
    return {
        "command_id": str(command.id),
        "kind": command.kind,
        "actor": command.actor,
        "source": command.source,
        "status": command.status,
        "from_state": command.from_state,
        "to_state": command.to_state,
        "mode": command.mode,
        "revision": command.revision,
        "duration_ms": round(took.total_seconds() * 1000, 1),
        "error_code": command.error_code,
        "reason": command.reason,
    }
