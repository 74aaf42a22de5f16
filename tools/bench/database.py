"""A database as the bench sees it: plain SQL, past all of Pitboss's code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import psycopg2
import psycopg2.extras

Parameters = Sequence[Any] | Mapping[str, Any]


class Database:
    """Each call has a connection of its own, which is closed with it: an open one would be a part that idles."""

    def __init__(self, url: str) -> None:
        self.url = url

    def rows(self, query: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute(query, parameters or None)
            return cursor.fetchall()

    def value(self, query: str, parameters: Parameters = ()) -> Any:
        """The first column of the only row."""
        ((value, *_),) = self.rows(query, parameters)
        return value

    def execute(self, statement: str, parameters: Parameters = ()) -> None:
        with closing(psycopg2.connect(self.url)) as connection:
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters or None)
            connection.commit()

    def fill(self, *statements: tuple[str, Parameters]) -> None:
        """Write many rows in one transaction, without triggers: nobody is to be notified of a million of them."""
        with closing(psycopg2.connect(self.url)) as connection:
            with connection.cursor() as cursor:
                cursor.execute("SET session_replication_role = replica")
                for statement, parameters in statements:
                    cursor.execute(statement, parameters or None)
            connection.commit()

    def tidy(self) -> None:
        """Bring it to rest: statistics, visibility and checkpoint, so that none of that falls into a measurement."""
        self.maintain("VACUUM (ANALYZE)", "CHECKPOINT")

    def maintain(self, *statements: str) -> None:
        """Run what cannot be run in a transaction."""
        with closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)


class Watcher:
    """Asks the same question many times a second. Its one connection is closed when the answer is yes."""

    def __init__(self, url: str, question: str) -> None:
        self._question = question
        self._connection = psycopg2.connect(url)
        self._connection.autocommit = True

    def execute(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def is_so(self) -> bool:
        """Raises psycopg2.InterfaceError once it was so."""
        with self._connection.cursor() as cursor:
            cursor.execute(self._question)
            row = cursor.fetchone()
        if row is None or not row[0]:
            return False
        self._connection.close()
        return True
