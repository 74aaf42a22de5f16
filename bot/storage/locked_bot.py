"""The one lock: the bot's row, the wait for it, and the eviction of programs that idle while they hold it.

Every command takes it (``with_locked_bot``), which costs two round trips: one takes the lock and reads, one writes and commits.
Work on other tables takes the lock in a session of its own (``in_locked_session``).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from bot.errors import DatabaseUnavailable, LockBusy
from bot.models import BotCommand
from bot.storage.database import Database
from bot.storage.pipeline import BEGIN, COMMIT, Pipeline, Step
from bot.storage.statements import (
    COMMAND,
    CONFIG,
    EVICT_IDLE_LOCK_HOLDERS,
    FINISH_COMMAND,
    INSERT_NEW,
    LOCK_CONFIG,
    MAKE_CONFIG,
    NEW_COLUMNS,
    OUTCOME,
    READ_LOCKED,
    change_config,
)

T = TypeVar("T")

#: The longest total wait for the lock, in seconds.
LOCK_PATIENCE_SEC = 5.0

log = logging.getLogger(__name__)


class LockedBot:
    """*config* may be changed, and commands finished; ``commit`` writes both and commits. *now* is the database's clock.

    *pending* are the unfinished commands that were read when the lock was taken, in the order in which they have to be finished.
    *new* are those among them that are not in the log yet: ``commit`` puts them there. *halt_asked_at* is when the last pending
    stop or kill was issued, whether or not it was read.
    """

    def __init__(self, batch: Pipeline, rows: list[tuple[Any, ...]], *, is_new: bool = False) -> None:
        self._batch = batch
        width = len(CONFIG.names)
        self._before = CONFIG.values(rows[0][:width])
        self.config = CONFIG.instance(self._before)
        self.now: datetime = rows[0][width]
        self.halt_asked_at: datetime | None = rows[0][width + 1]
        if self.config.halted_at is not None:
            # a time in the future is from before the clock was put back: commands issued from now on come after that halt
            self.config.halted_at = min(self.config.halted_at, self.now)
        self.pending = [
            COMMAND.instance(COMMAND.values(row[width + 2 :])) for row in rows if row[width + 2] is not None
        ]
        self.new = list(self.pending) if is_new else []
        self.finished: list[BotCommand] = []

    @classmethod
    def take(
        cls, batch: Pipeline, *first: Step, read: Step | None = None, new: Step | None = None
    ) -> LockedBot:
        """Begin, run the steps *first*, lock the row, insert it if it is missing, and read it and the pending commands that *read*
        selects: by default the first WINDOW. In their place *new* is a command that is not in the log yet.

        Raises:
            DBAPIError: the lock was not free in time, among others.
            DatabaseUnavailable: the row is missing and cannot be inserted.
        """
        read = new or read or READ_LOCKED(0, False)
        rows = batch.send(BEGIN, *first, LOCK_CONFIG(), read)
        if not rows:
            rows = batch.send(MAKE_CONFIG(), LOCK_CONFIG(), read)
        if not rows:
            raise DatabaseUnavailable(
                "The row of the bot in the table bot_config is gone and cannot be made; nothing was changed."
                " Look for what deletes it."
            )
        return cls(batch, rows, is_new=new is not None)

    @property
    def batch(self) -> Pipeline:
        """The pipeline, for more steps in the transaction."""
        return self._batch

    @property
    def session(self) -> Session:
        """The ORM session, for everything else in the transaction."""
        return self._batch.session

    def commit(self) -> None:
        """Write the changes and the finished commands, and commit."""
        values = vars(self.config)
        changed = [name for name, before in self._before.items() if values[name] != before]
        steps: list[Step] = []
        if changed:
            steps.append(change_config(tuple(changed))(*CONFIG.written(values, changed)))
        steps += [INSERT_NEW(*COMMAND.written(vars(command), NEW_COLUMNS)) for command in self.new]
        steps += [
            FINISH_COMMAND(command.id, *COMMAND.written(vars(command), OUTCOME))
            for command in self.finished
            if command not in self.new
        ]
        self._batch.send(*steps, COMMIT, decides=True)


def with_locked_bot(database: Database, work: Callable[[LockedBot], T], read: Step | None = None) -> T:
    """Run *work* on the locked row in one transaction, and commit it; *read* is that of ``LockedBot.take``.

    Raises:
        LockBusy: the lock was not free within LOCK_PATIENCE_SEC.
        OutcomeUnknown, DatabaseUnavailable: as ``Database.run`` does.
    """

    def locked_work(batch: Pipeline) -> T:
        locked = LockedBot.take(batch, read=read)
        result = work(locked)
        locked.commit()
        return result

    return patiently(database, lambda: database.batched(locked_work))


def in_locked_session(database: Database, work: Callable[[Session], T]) -> T:
    """Run *work* in one transaction that holds the lock, and commit it; *work* itself does not change the bot's row.

    Raises:
        LockBusy: the lock was not free within LOCK_PATIENCE_SEC.
        OutcomeUnknown, DatabaseUnavailable: as ``Database.run`` does.
    """

    def locked_work(session: Session) -> T:
        batch = Pipeline(session.connection())
        if not batch.send(LOCK_CONFIG()):
            batch.send(MAKE_CONFIG(), LOCK_CONFIG())
        return work(session)

    return patiently(database, lambda: database.run(locked_work))


def patiently(database: Database, attempt: Callable[[], T]) -> T:
    """Repeat *attempt*, a transaction that takes the lock, while the lock is busy, and end connections that idle while they hold
    it.

    Pitboss's own connections end by themselves (``database.IDLE_IN_TRANSACTION_MS``); this is for programs that do not
    set such a limit.

    Raises:
        LockBusy: the lock was not free within LOCK_PATIENCE_SEC.
    """
    deadline = time.monotonic() + LOCK_PATIENCE_SEC
    while True:
        try:
            return attempt()
        except LockBusy:
            if time.monotonic() > deadline:
                raise
            if ended := database.batched(evict_idle_lock_holders):
                log.warning("ended %s connection(s) that idled while they held the bot's lock", ended)


def evict_idle_lock_holders(batch: Pipeline) -> int:
    """End connections that have idled for a second while they hold the lock. Returns how many were ended."""
    return len(batch.send(EVICT_IDLE_LOCK_HOLDERS()))
