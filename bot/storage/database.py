"""Access to Postgres: one engine for each process, transactions that may be repeated, the database's clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import URL, Connection, Engine, create_engine, func, select
from sqlalchemy.exc import DBAPIError, TimeoutError
from sqlalchemy.orm import Session

from bot.errors import (
    DatabaseFull,
    DatabaseReadOnly,
    DatabaseUnavailable,
    LockBusy,
    NotMigrated,
    OutcomeUnknown,
    StatementTimedOut,
)
from bot.settings.settings import Settings
from bot.storage.hang_guard import HangGuard
from bot.storage.pipeline import STALE_PLAN, Pipeline
from bot.storage.shrinking_pool import ShrinkingPool

T = TypeVar("T")

#: How long a transaction waits for a row lock, in milliseconds, before the holder is checked.
LOCK_TIMEOUT_MS = 1_000
#: Postgres ends a connection that idles this long inside a transaction, in milliseconds: a process that freezes while it holds
#: the lock must not delay a kill.
IDLE_IN_TRANSACTION_MS = 1_500
STATEMENT_TIMEOUT_MS = 15_000
CONNECT_TIMEOUT_SEC = 2

_LOCK_NOT_AVAILABLE = "55P03"
#: Somebody else took the same id or key after it was looked for; who looks again finds it.
_DUPLICATE = "23505"
_TRY_AGAIN = frozenset({"40001", "40P01", _DUPLICATE, *STALE_PLAN})  # serialization failure, deadlock
_NOT_MIGRATED = frozenset({"42P01", "42703"})  # a table or a column is not there
_TIMED_OUT = "57014"  # statement_timeout
#: The disk is full, or the queue of notifications (program_limit_exceeded).
_FULL = frozenset({"53100", "54000"})
_READ_ONLY = "25006"  # a standby, or a server that was made read-only
#: Classes and codes that mean "not now": shutdown, start-up, out of connections, a standby, a time-out.
_UNAVAILABLE = ("57P", "08", "53", _READ_ONLY, "25P03")


def engine_options(
    pool_size: int = 5,
    *,
    overflow: int | None = None,
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
    server_settings: str = "",
) -> dict[str, Any]:
    """Options for ``create_engine``; *pool_size* connections are kept, and *overflow* more, by default as many again, opened
    under load. *server_settings* are further ``-c name=value`` of each connection."""
    return {
        "pool_size": pool_size,
        "max_overflow": pool_size if overflow is None else overflow,
        "pool_timeout": 3,
        "poolclass": ShrinkingPool,
        "pool_use_lifo": True,
        "connect_args": {
            "application_name": "pitboss",
            "connect_timeout": CONNECT_TIMEOUT_SEC,
            # a host that vanished is noticed in seconds, not in the kernel's two hours
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 5_000,
            "options": (
                # other values, which a database or role may have set, would break the lock
                "-c default_transaction_isolation=read\\ committed"
                f" -c lock_timeout={LOCK_TIMEOUT_MS} -c statement_timeout={statement_timeout_ms}"
                f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS} -c timezone=UTC {server_settings}"
            ),
        },
    }


class Database:
    """Runs work in transactions, and translates the errors of Postgres."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def connect(
        cls, settings: Settings, pool_size: int = 5, *, url: URL | None = None, **more: Any
    ) -> Database:
        """A database with its own connections and the given ``engine_options``, at *url* if given, else DATABASE_URL. It connects
        at the first use."""
        if settings.alert_trades:
            # the trigger on a trade's events looks at it
            more["server_settings"] = f"{more.get('server_settings', '')} -c pitboss.alert_trades=on"
        return cls(create_engine(url or settings.database, **engine_options(pool_size, **more)))

    def run(self, work: Callable[[Session], T]) -> T:
        """Run *work* in one transaction and commit it.

        If the connection breaks, *work* is run a second time on a new one, so it has to be repeatable. All work on the command
        log is: rows are inserted with an id that is known before, and are finished only once.

        Raises:
            LockBusy: a row lock could not be had within LOCK_TIMEOUT_MS.
            OutcomeUnknown: the connection broke during a commit, and Postgres cannot be asked for the outcome.
            DatabaseFull, DatabaseReadOnly: Postgres answers, but cannot write.
            DatabaseUnavailable: Postgres cannot be reached; nothing was changed.
        """
        return self._twice(lambda fate: _in_session(self.engine.connect(), work, fate))

    def read(self, work: Callable[[Session], T]) -> T:
        """Run *work* without a transaction around it: for a single statement, or reads that need no snapshot.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        return self._twice(lambda fate: _in_session(_autocommit(self.engine), work, fate))

    def batched(self, work: Callable[[Pipeline], T]) -> T:
        """Run *work* on a connection on which it begins and commits its transactions itself; otherwise like ``run``.

        Raises:
            LockBusy, OutcomeUnknown, DatabaseUnavailable: as ``run`` does.
        """
        return self._twice(lambda fate: _in_batch(self.engine, work, fate))

    @contextmanager
    def holding(self, key: UUID) -> Iterator[bool]:
        """Try to hold *key* until the context ends, and yield whether that succeeded: not if another process holds it.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        number = int.from_bytes(key.bytes[:8], signed=True)
        with ExitStack() as given_back:
            try:
                connection = given_back.enter_context(_autocommit(self.engine))
                held: bool = connection.scalars(select(func.pg_try_advisory_lock(number))).one()
            except (DBAPIError, TimeoutError) as error:
                raise DatabaseUnavailable() from error
            try:
                yield held
            finally:
                if held:
                    with suppress(DBAPIError):  # a broken connection holds nothing any more
                        connection.execute(select(func.pg_advisory_unlock(number)))

    def guard(self, seconds: float) -> HangGuard:
        """A guard that ends uses of a connection that take longer than *seconds*; somebody has to call its ``check``."""
        return HangGuard(seconds, self.engine)

    def now(self) -> datetime:
        """The database's clock, the only clock that counts."""
        now: datetime = self.read(lambda session: session.scalars(select(func.clock_timestamp())).one())
        return now

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _twice(self, attempt: Callable[[_Fate], T]) -> T:
        unknown = read_only = False
        for is_last in (False, True):
            fate = _Fate()
            try:
                return attempt(fate)
            except TimeoutError:
                if unknown:
                    break
                raise DatabaseUnavailable(
                    "The database is too busy: no connection became free; nothing was changed. Try again in a moment."
                ) from None
            except DBAPIError as error:
                code = getattr(error.orig, "pgcode", None)
                if code == _LOCK_NOT_AVAILABLE:
                    if unknown:
                        break
                    raise LockBusy() from None
                if code in _NOT_MIGRATED:
                    raise NotMigrated() from error
                if code in _FULL:
                    raise DatabaseFull() from error
                if code == _TIMED_OUT and not fate.decided:
                    raise StatementTimedOut() from error
                if (code not in _TRY_AGAIN and not _is_away(error, code)) or (is_last and code == _DUPLICATE):
                    raise
                # a read-only server has written nothing; the next attempt may reach the one that takes over
                read_only = code == _READ_ONLY
                unknown = unknown or (fate.decided and code not in (_READ_ONLY, _DUPLICATE))
        if read_only and not unknown:
            raise DatabaseReadOnly()
        raise OutcomeUnknown() if unknown else DatabaseUnavailable()


@dataclass
class _Fate:
    """Whether an attempt got so far that it may have been committed."""

    decided: bool = False


def _in_session(
    connected: AbstractContextManager[Connection], work: Callable[[Session], T], fate: _Fate
) -> T:
    with connected as connection, Session(connection, expire_on_commit=False) as session:
        try:
            result = work(session)
            fate.decided = True
            session.commit()
            return result
        except DBAPIError as error:
            if _is_read_only(error):
                session.invalidate()  # the next connection finds the server that can be written
            raise


@contextmanager
def _autocommit(engine: Engine) -> Iterator[Connection]:
    """A connection on which each statement is a transaction of its own, unless a step begins one.

    Only the driver knows of it, so it costs no round trip, and one pool serves both kinds of work.
    """
    with engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        driver.autocommit = True
        try:
            yield connection
        finally:
            if not connection.invalidated:
                driver.autocommit = False


def _in_batch(engine: Engine, work: Callable[[Pipeline], T], fate: _Fate) -> T:
    with _autocommit(engine) as connection, closing(Pipeline(connection)) as batch:
        try:
            batch.look()
            result = work(batch)
            if batch.is_open:
                raise RuntimeError("work on a batch has to end the transaction that it began")
            return result
        except BaseException as error:
            fate.decided = batch.decided
            if isinstance(error, DBAPIError) and _is_read_only(error):
                connection.invalidate()
            batch.abandon()
            raise


def _is_read_only(error: DBAPIError) -> bool:
    return getattr(error.orig, "pgcode", None) == _READ_ONLY


def _is_away(error: DBAPIError, code: str | None) -> bool:
    if error.connection_invalidated or code == _TIMED_OUT or (code or "").startswith(_UNAVAILABLE):
        return True
    # libpq could not connect at all: such errors carry no code
    return code is None and type(error.orig).__name__ == "OperationalError"
