"""Whether the database has the tables of this release."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.orm import Session

from bot.errors import NotMigrated

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


@cache
def head() -> str | None:
    """The revision that this release needs."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def is_migrated(session: Session) -> bool:
    """Whether the database is at this release's revision."""
    try:
        return session.scalars(text("SELECT version_num FROM alembic_version")).all() == [head()]
    except NotMigrated:
        return False
