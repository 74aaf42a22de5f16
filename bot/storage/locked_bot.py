"""The bot's one row while it is locked, with the commands that are pending and those that are finished meanwhile.

Every command passes here: it costs two round trips, one that takes the lock and reads, one that writes and commits.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from bot.models import BotCommand
from bot.storage.pipeline import BEGIN, COMMIT, Pipeline, Step
from bot.storage.statements import (
    COMMAND,
    CONFIG,
    FINISH_COMMAND,
    LOCK_CONFIG,
    MAKE_CONFIG,
    OUTCOME,
    READ_LOCKED,
    change_config,
)


class LockedBot:
    """*config* may be changed, and commands finished; ``commit`` writes both and commits. *now* is the database's clock.

    *pending* are the commands that were read: they were not finished when the lock was taken, and stand in the order in which
    they have to be. *halt_asked_at* is when the last of all pending halts was issued, read or not.
    """

    def __init__(self, batch: Pipeline, rows: list[tuple[Any, ...]]) -> None:
        self._batch = batch
        width = len(CONFIG.names)
        self._before = CONFIG.values(rows[0][:width])
        self.config = CONFIG.instance(self._before)
        self.now: datetime = rows[0][width]
        self.halt_asked_at: datetime | None = rows[0][width + 1]
        if self.config.halted_at is not None:
            # a time yet to come is from before the clock was put back: what is issued from now on comes after that halt
            self.config.halted_at = min(self.config.halted_at, self.now)
        self.pending = [
            COMMAND.instance(COMMAND.values(row[width + 2 :])) for row in rows if row[width + 2] is not None
        ]
        self.finished: list[BotCommand] = []

    @classmethod
    def take(cls, batch: Pipeline, *first: Step, read: Step | None = None) -> LockedBot:
        """Begin, run the steps *first*, lock the row, make it if it is not there, and read it and what *read* says of the
        pending commands: by default the first WINDOW.

        Raises:
            DBAPIError: the lock could not be had in time, among others.
        """
        read = read or READ_LOCKED(0, None)
        rows = batch.send(BEGIN, *first, LOCK_CONFIG(), read)
        if not rows:
            rows = batch.send(MAKE_CONFIG(), LOCK_CONFIG(), read)
        return cls(batch, rows)

    @property
    def batch(self) -> Pipeline:
        return self._batch

    @property
    def session(self) -> Session:
        """For what else is read and written in the transaction."""
        return self._batch.session

    def commit(self) -> None:
        """Write what was changed and finished, and commit."""
        values = vars(self.config)
        changed = [name for name, before in self._before.items() if values[name] != before]
        steps: list[Step] = []
        if changed:
            steps.append(change_config(tuple(changed))(*CONFIG.written(values, changed)))
        steps += [
            FINISH_COMMAND(command.id, *COMMAND.written(vars(command), OUTCOME)) for command in self.finished
        ]
        self._batch.send(*steps, COMMIT, decides=True)
