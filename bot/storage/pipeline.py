"""Several statements in one message to Postgres, each planned once per connection.

For a command, a round trip, a plan and the Python around a statement cost more than the statement itself.
"""

from __future__ import annotations

import select
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, cast

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from psycopg2.extensions import connection as PgConnection
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

BEGIN, COMMIT = "BEGIN", "COMMIT"
#: What Postgres says of a prepared statement that is gone, or whose columns a migration has changed.
STALE_PLAN = frozenset({"26000", "0A000"})
#: Key of ``Pipeline.memory``: what a connection has prepared.
_PREPARED = "pitboss_prepared"


@dataclass
class _Prepared:
    """The names of the statements that one connection has prepared. A failed message may or may not have prepared its own; a new
    *series* of names avoids any conflict with them."""

    series: int = 0
    names: dict[str, str] = field(default_factory=dict)


class PreparedStatement:
    """SQL with parameters ``$1`` to ``$n``, whose types Postgres infers from where they stand; it may contain no ``%``.

    *label* describes it in ``pg_stat_activity``.
    """

    def __init__(self, label: str, sql: str, parameters: int = 0) -> None:
        self.name = f"{label}_{blake2b(sql.encode(), digest_size=8).hexdigest()}"
        self.sql = sql
        self.places = f"({', '.join(['%s'] * parameters)})" if parameters else ""

    def __call__(self, *values: Any) -> tuple[PreparedStatement, Sequence[Any]]:
        """This statement with its values, as ``Pipeline.send`` takes it."""
        return self, values


Step = str | tuple[PreparedStatement, Sequence[Any]]


class Pipeline:
    """A connection in autocommit mode, on which the steps BEGIN and COMMIT begin and end a transaction. On a connection that has
    a transaction already, ``send`` can be used to read in it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._session: Session | None = None
        #: Whether something was sent that may have been committed.
        self.decided = False

    @property
    def memory(self) -> dict[Any, Any]:
        """For what lasts as long as the connection, whoever has it."""
        return self._connection.info

    @property
    def session(self) -> Session:
        """For what is rare enough to be asked for by SQLAlchemy. Its changes are sent before the next step."""
        if self._session is None:
            self._session = Session(self._connection, expire_on_commit=False)
        return self._session

    def look(self) -> None:
        """Check, without asking Postgres, whether the connection broke while it was idle: otherwise the outcome of a message that
        may commit something would be unknown.

        Raises:
            DBAPIError: it is broken.
        """
        poll = select.poll()
        poll.register(self._driver, select.POLLIN)
        if poll.poll(0):  # Postgres sent something unasked: a shutdown, or a changed setting
            self._execute("SELECT 1")

    def send(self, *steps: Step, decides: bool = False) -> list[tuple[Any, ...]]:
        """Send *steps* as one message and return the rows of the last one. *decides* says that they may commit something.

        Raises:
            DBAPIError: one of them failed; those after it were not run. RuntimeError: Postgres did not commit.
        """
        if self._session is not None:
            self._session.flush()
        self.decided = self.decided or decides
        known: _Prepared = self.memory.setdefault(_PREPARED, _Prepared())
        message: list[str] = []
        values: list[Any] = []
        new: dict[str, str] = {}
        for step in steps:
            if isinstance(step, str):
                message.append(step)
                continue
            statement, given = step
            name = known.names.get(statement.name) or new.get(statement.name)
            if name is None:
                name = new[statement.name] = f"{statement.name}_{known.series}"
                message.append(f"PREPARE {name} AS {statement.sql}")
            message.append(f"EXECUTE {name}{statement.places}")
            values += given
        try:
            rows = self._execute("; ".join(message), values)
        except DBAPIError as error:
            if getattr(error.orig, "pgcode", None) in STALE_PLAN:
                self._forget(error.orig)
            elif new and not self._connection.invalidated:
                self.memory[_PREPARED] = _Prepared(known.series + 1)
            raise
        known.names |= new
        return rows

    def _execute(self, message: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        # by psycopg2 itself: SQLAlchemy would look up the types of all columns again, which costs more than reading them
        driver = self._driver
        with driver.cursor() as cursor:
            try:
                cursor.execute(message, values or None)
                if message.endswith(COMMIT) and cursor.statusmessage != COMMIT:
                    # Postgres answers COMMIT with ROLLBACK if an earlier error was ignored by mistake
                    raise RuntimeError(f"the transaction was not committed: {cursor.statusmessage}")
                return cursor.fetchall() if cursor.description else []
            except psycopg2.Error as error:
                dialect = self._connection.dialect
                is_lost = dialect.is_disconnect(cast(Any, error), cast(Any, driver), cast(Any, cursor))
                if is_lost:
                    self._forget(error)
                raise DBAPIError.instance(
                    message, None, error, psycopg2.Error, connection_invalidated=is_lost, dialect=dialect
                ) from error

    def _forget(self, error: BaseException | None) -> None:
        # like SQLAlchemy: what broke one connection also broke all older ones
        self._connection.engine.pool._invalidate(self._connection.connection, error)
        self._connection.invalidate(error)

    @property
    def is_open(self) -> bool:
        """Whether a transaction is open."""
        return self._driver.info.transaction_status != TRANSACTION_STATUS_IDLE

    @property
    def _driver(self) -> PgConnection:
        return cast(PgConnection, self._connection.connection.dbapi_connection)

    def abandon(self) -> None:
        """Roll back what was begun."""
        try:
            if not self._connection.invalidated and self.is_open:
                self._execute("ROLLBACK")
        except SQLAlchemyError:
            self._connection.invalidate()

    def close(self) -> None:
        """Close the session, but not the connection, which its owner closes."""
        if self._session is not None:
            self._session.close()
