"""Column types of the tables beside SQLAlchemy's own."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import DateTime, Dialect, Text, func
from sqlalchemy.types import TypeDecorator


class EnumText(TypeDecorator[Any]):
    """A text column that reads as a StrEnum. No database enum: the values will grow."""

    impl = Text
    cache_ok = True

    def __init__(self, enum: type[StrEnum]) -> None:
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """The value as Postgres stores it."""
        return None if value is None else str(self.enum(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """The stored text as Python's value."""
        try:
            return None if value is None else self.enum(value)
        except ValueError:
            return str(value)  # written by a newer release


class IntegerList(TypeDecorator[list[int]]):
    """A list of integers, stored as the text ``1,2,3``."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: list[int] | None, dialect: Dialect) -> str | None:
        """The value as Postgres stores it."""
        return None if value is None else ",".join(str(item) for item in value)

    def process_result_value(self, value: Any, dialect: Dialect) -> list[int] | None:
        """The stored text as Python's value."""
        return None if value is None else [int(item) for item in value.split(",") if item.strip()]


Timestamp = DateTime(timezone=True)
NOW = func.now()
