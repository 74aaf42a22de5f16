"""Several statements in one message to Postgres, each planned once for a connection.

On a command's way a round trip, a plan and the Python around a statement cost more than the statement itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

BEGIN, COMMIT = "BEGIN", "COMMIT"
#: Key of a connection's ``info``: the names of the statements that it has prepared.
_PREPARED = "pitboss_prepared"


class Statement:
    """SQL with parameters ``$1`` to ``$n``, whose types Postgres infers from where they stand; it may contain no ``%``.

    *label* says what it does to whoever looks at ``pg_stat_activity``.
    """

    def __init__(self, label: str, sql: str, parameters: int = 0) -> None:
        self.name = f"{label}_{blake2b(sql.encode(), digest_size=4).hexdigest()}"
        self.prepare = f"PREPARE {self.name} AS {sql}"
        places = f"({', '.join(['%s'] * parameters)})" if parameters else ""
        self.execute = f"EXECUTE {self.name}{places}"

    def __call__(self, *values: Any) -> tuple[Statement, Sequence[Any]]:
        """This statement with its values, as ``Batch.send`` takes it."""
        return self, values


Step = str | tuple[Statement, Sequence[Any]]


class Batch:
    """A connection in autocommit mode, on which a transaction begins and ends by steps of its own: BEGIN and COMMIT."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._session: Session | None = None
        #: Whether something was sent that may have been committed.
        self.decided = False

    @property
    def session(self) -> Session:
        """For what is rare enough to be asked for by SQLAlchemy. Its changes are sent before the next step."""
        if self._session is None:
            self._session = Session(self._connection, expire_on_commit=False)
        return self._session

    def send(self, *steps: Step, decides: bool = False) -> list[tuple[Any, ...]]:
        """Send *steps* as one message; the rows of the last one. *decides* says that they may commit something.

        Raises:
            DBAPIError: one of them failed; those behind it were not run.
        """
        if self._session is not None:
            self._session.flush()
        self.decided = self.decided or decides
        known: set[str] = self._connection.info.setdefault(_PREPARED, set())
        message: list[str] = []
        values: list[Any] = []
        new = []
        for step in steps:
            if isinstance(step, str):
                message.append(step)
                continue
            statement, given = step
            if statement.name not in known and statement.name not in new:
                message.append(statement.prepare)
                new.append(statement.name)
            message.append(statement.execute)
            values += given
        cursor: Any = self._connection.exec_driver_sql("; ".join(message), tuple(values)).cursor
        known.update(new)
        rows: list[tuple[Any, ...]] = cursor.fetchall() if cursor is not None else []
        return rows

    @property
    def is_open(self) -> bool:
        """Whether a transaction was begun and has not ended."""
        driver: Any = self._connection.connection.dbapi_connection
        return bool(driver.info.transaction_status != TRANSACTION_STATUS_IDLE)

    def abandon(self) -> None:
        """Roll back what was begun. Which statements of a failed message were prepared is not known: all are forgotten."""
        try:
            self._connection.exec_driver_sql("ROLLBACK")
            self._connection.exec_driver_sql("DEALLOCATE ALL")
            self._connection.info.pop(_PREPARED, None)
        except SQLAlchemyError:
            self._connection.invalidate()

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
