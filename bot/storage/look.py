"""Looks that are taken every second or so, to find nothing most of the time: prepared, and sent without SQLAlchemy's work around
them, they cost a quarter of the processor time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.dialects import postgresql

from bot.storage.database import Database
from bot.storage.pipeline import PreparedStatement


def prepared(label: str, query: Select[*tuple[Any, ...]]) -> PreparedStatement:
    """*query*, its values written into the statement; *label* says what it looks for to whoever looks at ``pg_stat_activity``."""
    compiled = query.compile(
        dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]
        compile_kwargs={"literal_binds": True},
    )
    return PreparedStatement(label, str(compiled))


class Look:
    """A question with a yes or a no for an answer."""

    def __init__(self, label: str, condition: ColumnElement[bool]) -> None:
        self._statement = prepared(label, select(condition))

    def take(self, database: Database) -> bool:
        """Whether it is so.

        Raises:
            DatabaseUnavailable: Postgres is away.
        """
        [(is_so,)] = database.batched(lambda batch: batch.send(self._statement()))
        return bool(is_so)
