"""Which revisions are older than this release's."""

from __future__ import annotations

from alembic.script import ScriptDirectory

from web.monitoring.migration_check import MIGRATIONS, older


def test_the_older_revisions_are_all_that_alembic_knows_but_for_the_newest() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    every = {script.revision for script in scripts.walk_revisions()}
    assert older() == every - set(scripts.get_heads())
    assert len(older()) >= 13
