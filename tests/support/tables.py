"""The tables as an outsider sees them: plain SQL, past all of Pitboss's code."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg2
import psycopg2.extras
from psycopg2.extensions import connection as Connection

psycopg2.extras.register_uuid()

#: A row for each connection to the database that waits for a lock.
WAIT_FOR_A_LOCK = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


class Tables:
    """One database. Each statement commits itself; ``connect`` gives a connection for a transaction of one's own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._connection: Connection | None = None

    def sql(self, query: str, params: Sequence[Any] | dict[str, Any] = ()) -> list[dict[str, Any]]:
        """The rows; none for a statement that gives none."""
        with self._lock:
            try:
                return self._execute(query, params)
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                self._drop()
                return self._execute(query, params)

    def connect(self, **options: str) -> Connection:
        """A new connection that commits nothing by itself; *options* as in ``lock_timeout="1s"``."""
        settings = " ".join(f"-c {name}={value}" for name, value in options.items())
        return psycopg2.connect(self._url, application_name="tests", options=settings, connect_timeout=5)

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _execute(self, query: str, params: Sequence[Any] | dict[str, Any]) -> list[dict[str, Any]]:
        if self._connection is None:
            self._connection = self.connect()
            self._connection.autocommit = True
        with self._connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(query, params or None)
            return [dict(row) for row in cursor.fetchall()] if cursor.description else []

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(psycopg2.Error):
                self._connection.close()
            self._connection = None
