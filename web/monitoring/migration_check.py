"""Whether the database has the tables of this release."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from sqlalchemy import column, select, table
from sqlalchemy.orm import Session

from bot.errors import NotMigrated

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
_FOLLOWS = re.compile(r'^down_revision = "(\w+)"$', re.MULTILINE)


@cache
def older() -> frozenset[str]:
    """The revisions that are not enough for this release: those that another one follows. (Alembic would load every migration to
    say so, and stay in memory.)"""
    return frozenset(
        revision
        for file in (MIGRATIONS / "versions").glob("*.py")
        for revision in _FOLLOWS.findall(file.read_text())
    )


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
    return bool(revisions) and older().isdisjoint(revisions)
