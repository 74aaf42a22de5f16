"""Maps rows of a table to instances of its class and back, without the ORM's identity map and unit of work.

Loading and tracking an entity with SQLAlchemy takes longer than Postgres takes to read the row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.orm import class_mapper

from bot.models import Base

T = TypeVar("T", bound=Base)

_DIALECT: Any = PGDialect_psycopg2()  # type: ignore[no-untyped-call]
#: Postgres's number of the type NUMERIC, which is the only type that uses it.
_NUMERIC = 1700
_Processor = Callable[[Any], Any]


class RowMapper(Generic[T]):
    """The columns of *model*'s table, in the order of ``columns``: all, or only those with these *names*."""

    def __init__(self, model: type[T], *names: str) -> None:
        self._manager: Any = class_mapper(model).class_manager
        columns = [
            each for each in class_mapper(model).local_table.columns if not names or each.name in names
        ]
        self.names = tuple(column.name for column in columns)
        kinds = {column.name: column.type.dialect_impl(_DIALECT) for column in columns}
        self._writers: dict[str, _Processor | None] = {
            name: kind.bind_processor(_DIALECT) for name, kind in kinds.items()
        }
        readers = (kinds[name].result_processor(_DIALECT, _NUMERIC) for name in self.names)
        self._readers: list[tuple[int, _Processor]] = [
            (place, reader) for place, reader in enumerate(readers) if reader is not None
        ]

    def columns(self, alias: str | None = None) -> str:
        """The columns for a SELECT or RETURNING."""
        return ", ".join(f"{alias}.{name}" if alias else name for name in self.names)

    def values(self, row: Sequence[Any]) -> dict[str, Any]:
        """The columns of *row* by name."""
        values = list(row)
        for place, read in self._readers:
            values[place] = read(values[place])
        return dict(zip(self.names, values, strict=True))

    def instance(self, values: dict[str, Any]) -> T:
        """A *model* with these values; it belongs to no session."""
        made: T = self._manager.new_instance()
        made.__dict__.update(values)
        return made

    def written(self, values: dict[str, Any], names: Iterable[str]) -> list[Any]:
        """The values of *names* as parameters for psycopg2."""
        written = []
        for name in names:
            value, write = values[name], self._writers[name]
            written.append(value if write is None or value is None else write(value))
        return written
