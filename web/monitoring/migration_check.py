"""Whether the database has the tables of this release."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import column, select, table
from sqlalchemy.orm import Session

from bot.errors import NotMigrated

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


@cache
def _older() -> frozenset[str]:
    """The revisions that are not enough for this release."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    return frozenset(script.revision for script in scripts.walk_revisions()) - set(scripts.get_heads())


def is_migrated(session: Session) -> bool:
    """Whether the database has all that this release needs.

    A revision that this release does not know belongs to a newer one. Migrations only add things, so this release still works.
    """
    try:
        revisions: Sequence[str] = session.scalars(
            select(column("version_num")).select_from(table("alembic_version"))
        ).all()
    except NotMigrated:
        return False
    return bool(revisions) and _older().isdisjoint(revisions)
