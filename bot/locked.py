"""The bot's one row while it is locked, with the commands that are pending and those that are finished meanwhile.

Every command passes here: it costs two round trips, one that takes the lock and reads, one that writes and commits.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy.orm import Session

from bot.batch import BEGIN, COMMIT, Batch, Statement, Step
from bot.command_log import COMMAND
from bot.models import SINGLETON, BotCommand, BotConfig
from bot.rows import Rows
from bot.states import CommandStatus

CONFIG = Rows(BotConfig)
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
_LOCK = Statement("lock_bot_config", f"SELECT 1 FROM bot_config WHERE id = '{SINGLETON}' FOR UPDATE")  # noqa: S608 - made of constants
# A statement of its own: its snapshot is taken when the lock is held, and its clock is read then.
_READ = Statement(
    "read_bot_config",
    f"SELECT {CONFIG.columns('config')}, clock_timestamp(), {COMMAND.columns('command')}"  # noqa: S608 - as above
    f" FROM bot_config config LEFT JOIN bot_command command ON command.status = '{CommandStatus.QUEUED}'"
    f" WHERE config.id = '{SINGLETON}' ORDER BY command.seq",
)
#: The row, once and for all: whoever finds none may send it.
MAKE = Statement(
    "make_bot_config",
    f"INSERT INTO bot_config (id) VALUES ('{SINGLETON}') ON CONFLICT DO NOTHING",  # noqa: S608 - as above
)
_FINISH = Statement(
    "finish_bot_command",
    "UPDATE bot_command SET "  # noqa: S608 - as above
    + ", ".join(f"{name} = ${place}" for place, name in enumerate(_OUTCOME, 2))
    + " WHERE id = $1",
    len(_OUTCOME) + 1,
)


class Locked:
    """*config* may be changed, and commands finished; ``save`` writes both and commits. *now* is the database's clock.

    *pending* are the commands that were not finished when the lock was taken, in the order in which they have to be.
    """

    def __init__(self, batch: Batch, rows: list[tuple[Any, ...]]) -> None:
        self._batch = batch
        width = len(CONFIG.names)
        self._before = CONFIG.values(rows[0][:width])
        self.config = CONFIG.instance(self._before)
        self.now = rows[0][width]
        self.pending = [
            COMMAND.instance(COMMAND.values(row[width + 1 :])) for row in rows if row[width + 1] is not None
        ]
        self.finished: list[BotCommand] = []

    @classmethod
    def take(cls, batch: Batch, *first: Step) -> Locked:
        """Begin, run the steps *first*, lock the row, and make it if it is not there.

        Raises:
            DBAPIError: the lock could not be had in time, among others.
        """
        rows = batch.send(BEGIN, *first, _LOCK(), _READ())
        if not rows:
            rows = batch.send(MAKE(), _LOCK(), _READ())
        return cls(batch, rows)

    @property
    def batch(self) -> Batch:
        return self._batch

    @property
    def session(self) -> Session:
        """For what else is read and written in the transaction."""
        return self._batch.session

    def save(self) -> None:
        """Write what was changed and finished, and commit."""
        values = vars(self.config)
        changed = [name for name, before in self._before.items() if values[name] != before]
        steps: list[Step] = []
        if changed:
            steps.append(_update(tuple(changed))(*CONFIG.written(values, changed)))
        steps += [_FINISH(command.id, *COMMAND.written(vars(command), _OUTCOME)) for command in self.finished]
        self._batch.send(*steps, COMMIT, decides=True)


@cache  # few combinations ever change
def _update(names: tuple[str, ...]) -> Statement:
    changes = ", ".join(f"{name} = ${place}" for place, name in enumerate(names, 1))
    return Statement(
        "change_bot_config",
        f"UPDATE bot_config SET {changes} WHERE id = '{SINGLETON}'",  # noqa: S608 - as above
        len(names),
    )
