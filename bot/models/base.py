"""The base class of all tables."""

from __future__ import annotations

from sqlalchemy.orm import DeclarativeBase

#: The id of the one row of bot_config.
SINGLETON = "singleton"


class Base(DeclarativeBase):
    """The metadata of every table; ``bot.models`` imports them all, so that none is missing from it."""
