"""Commands and reports, made without a worker."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bot.commands.controller import Controller
from bot.commands.log import NewCommand
from bot.models import BotCommand
from bot.settings.settings import Settings
from bot.states import CommandKind, Source
from bot.storage.database import Database
from tests.support.applying import apply
from tests.support.tables import Tables


class Bot:
    """Applies commands at once."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._controller = Controller(database, settings)

    def do(self, kind: str, reason: str | None = None, **params: Any) -> BotCommand:
        wanted = NewCommand(
            kind=CommandKind(kind), actor="alice", source=Source.API, reason=reason, params=params
        )
        return apply(self._controller, wanted)


def report(
    tables: Tables, outcome: str, differences: str = "[]", error: str | None = None, code: str | None = None
) -> None:
    """Store a report of a reconciliation."""
    tables.sql(
        "INSERT INTO bot_reconciliation (trigger, mode, started_at, outcome, error_code, error, differences)"
        " VALUES ('retry', 'paper', %s, %s, %s, %s, %s)",
        [datetime.now(UTC), outcome, code, error, differences],
    )


def alerts(tables: Tables) -> list[dict[str, Any]]:
    """The outbox, the oldest first."""
    return tables.sql("SELECT * FROM bot_alert ORDER BY seq")
