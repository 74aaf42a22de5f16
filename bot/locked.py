"""The bot's one row while it is locked, and the commands that are finished meanwhile.

Every command passes here, so this speaks SQL by statements that are built once and skips the unit of work: it costs
more than Postgres does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.models import SINGLETON, BotCommand, BotConfig

_CONFIG = cast(Table, BotConfig.__table__)
_COMMAND = cast(Table, BotCommand.__table__)
#: What finishing a command writes.
_OUTCOME = (
    "status",
    "from_state",
    "to_state",
    "mode",
    "revision",
    "error_code",
    "error",
    "error_details",
    "finished_at",
)
# The lock is taken in a subquery, or Postgres would read the clock before it waits for the lock.
_ROW = select(_CONFIG).where(_CONFIG.c.id == SINGLETON).with_for_update().subquery()
_TAKE = select(_ROW, func.clock_timestamp().label("now"))
_FINISH = (
    update(_COMMAND)
    .where(_COMMAND.c.id == bindparam("command_id"))
    .values({name: bindparam(f"new_{name}") for name in _OUTCOME})
)


class Locked:
    """*config* may be changed, and commands finished; ``save`` writes both. *now* is the database's clock."""

    def __init__(self, session: Session, before: Mapping[str, Any], now: datetime) -> None:
        self.session = session
        self.config = BotConfig(**before)
        self.now = now
        self.finished: list[BotCommand] = []
        self._before = before

    @classmethod
    def take(cls, session: Session) -> Locked:
        """Lock the row, and make it if it is not there."""
        connection = session.connection()
        row = connection.execute(_TAKE).mappings().one_or_none()
        if row is None:
            connection.execute(insert(_CONFIG).values(id=SINGLETON).on_conflict_do_nothing())
            row = connection.execute(_TAKE).mappings().one()
        before = dict(row)
        now = before.pop("now")
        return cls(session, before, now)

    def save(self) -> None:
        """Write what was changed and finished."""
        changed = {
            name: value
            for name, before in self._before.items()
            if (value := getattr(self.config, name)) != before
        }
        connection = self.session.connection()
        if changed:
            connection.execute(update(_CONFIG).where(_CONFIG.c.id == SINGLETON).values(changed))
        if self.finished:
            connection.execute(_FINISH, [_outcome(command) for command in self.finished])


def _outcome(command: BotCommand) -> dict[str, Any]:
    return {"command_id": command.id, **{f"new_{name}": getattr(command, name) for name in _OUTCOME}}
