"""The bot's one row while it is locked, with the commands that are pending and those that are finished meanwhile.

Every command passes here: it costs two round trips, one that takes the lock and reads, one that writes and commits.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy.orm import Session

from bot.batch import BEGIN, COMMIT, Batch, Statement, Step
from bot.command_log import COMMAND
from bot.errors import DatabaseUnavailable
from bot.models import SINGLETON, BotCommand, BotConfig, Trigger
from bot.rows import Rows
from bot.states import BotState, CommandKind, CommandStatus, Mode, Source

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
# It also notes, for the rest of the transaction, that it found the row and locked it.
_LOCK = Statement(
    "lock_bot_config",
    f"WITH held AS MATERIALIZED (SELECT 1 FROM bot_config WHERE id = '{SINGLETON}' FOR UPDATE)"  # noqa: S608 - made of constants
    " SELECT set_config('pitboss.holds_the_row', 'yes', true) FROM held",
)
# A statement of its own: its snapshot is taken when the lock is held, and its clock is read then. A row that somebody made
# between the two is not locked, so it is not seen.
_READ = Statement(
    "read_bot_config",
    f"SELECT {CONFIG.columns('config')}, clock_timestamp(), {COMMAND.columns('command')}"  # noqa: S608 - as above
    f" FROM bot_config config LEFT JOIN bot_command command ON command.status = '{CommandStatus.QUEUED}'"
    f" WHERE config.id = '{SINGLETON}' AND current_setting('pitboss.holds_the_row', true) = 'yes'"
    " ORDER BY command.seq",
)
ROW_WAS_GONE = (
    "The row of the bot was gone from the database. It was made again from the log: check the mode and set the thresholds,"
    " which are the defaults now, then rearm and start."
)
#: The row, once and for all: whoever finds none may send it, and of several at once the first one makes it. The migration
#: makes it, too, so where the log has applied commands somebody has deleted it: what is not in the log is lost, so the bot
#: is killed, by a command of the system that goes on with the log's revisions.
MAKE = Statement(
    "make_bot_config",
    "WITH last AS (SELECT revision + 1 AS revision, to_state, mode, clock_timestamp() AS at,"  # noqa: S608 - as above
    f"  '{ROW_WAS_GONE}' AS reason, (SELECT max(seq) + 1 FROM bot_command) AS halt_seq"
    f" FROM bot_command WHERE status = '{CommandStatus.APPLIED}' ORDER BY bot_command.revision DESC LIMIT 1),"
    " made AS (INSERT INTO bot_config (id, mode, revision, halt_seq, killed_at, kill_reason,"
    "  gate_closed_at, reconcile_due_at, reconcile_trigger)"
    f" SELECT '{SINGLETON}', coalesce(mode, '{Mode.PAPER}'), coalesce(revision, 0), coalesce(halt_seq, 0), at, reason,"
    f"  at, at, CASE WHEN at IS NOT NULL THEN '{Trigger.STARTUP}' END"
    "  FROM (SELECT) AS always LEFT JOIN last ON true ON CONFLICT DO NOTHING RETURNING mode)"
    " INSERT INTO bot_command (id, kind, actor, source, reason, status, from_state, to_state, mode, revision,"
    "  issued_at, finished_at)"
    f" SELECT gen_random_uuid(), '{CommandKind.KILL}', 'pitboss', '{Source.SYSTEM}', reason, '{CommandStatus.APPLIED}',"
    f"  to_state, '{BotState.STOPPED}', made.mode, revision, at, at FROM made, last",
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
            DatabaseUnavailable: there is no row, and it cannot be made.
        """
        rows = batch.send(BEGIN, *first, _LOCK(), _READ())
        if not rows:
            rows = batch.send(MAKE(), _LOCK(), _READ())
        if not rows:
            raise DatabaseUnavailable(
                "The row of the bot in the table bot_config is gone and cannot be made; nothing was changed."
                " Look for what deletes it."
            )
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
