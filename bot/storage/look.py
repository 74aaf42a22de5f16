"""Looks that are taken every second or so, to find nothing most of the time: prepared, and sent without SQLAlchemy's work around
them, they cost a quarter of the processor time."""

from __future__ import annotations

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects import postgresql

from bot.storage.database import Database
from bot.storage.pipeline import PreparedStatement


class Look:
    """A question with a yes or a no for an answer."""

    def __init__(self, label: str, condition: ColumnElement[bool]) -> None:
        """
        Args:
            label: says what it looks for to whoever looks at ``pg_stat_activity``.
            condition: its values are written into the statement.
        """
        query = select(condition).compile(
            dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]
            compile_kwargs={"literal_binds": True},
        )
        self._statement = PreparedStatement(label, str(query))

    def take(self, database: Database) -> bool:
        """Whether it is so.

        Raises:
            DatabaseUnavailable: Postgres is away.
        """
        [(is_so,)] = database.batched(lambda batch: batch.send(self._statement()))
        return bool(is_so)
