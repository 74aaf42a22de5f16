"""A migration that cannot have its lock gives up, rather than let every command wait behind it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.support.migrations import flask_db, migrate


def rows(connection: Any, query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def schema(connection: Any) -> list[tuple[Any, ...]]:
    """The revision, and everything that a migration could have made or taken away."""
    return [
        *rows(connection, "SELECT version_num FROM alembic_version"),
        *rows(connection, "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"),
        *rows(
            connection,
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'public' ORDER BY 1, 2",
        ),
    ]


@pytest.mark.parametrize(
    ("start", "step"), [("0005", ["downgrade", "0004"]), ("0004", ["upgrade", "0005"])], ids=["down", "up"]
)
def test_a_migration_whose_table_is_held_gives_up_and_changes_nothing_and_works_afterwards(
    database_url: str, tmp_path: Path, start: str, step: list[str]
) -> None:
    migrate(database_url, "downgrade", start)
    with closing(psycopg2.connect(database_url)) as looking, closing(psycopg2.connect(database_url)) as held:
        looking.autocommit = True
        before = schema(looking)
        tables = rows(looking, "SELECT tablename FROM pg_tables WHERE tablename LIKE 'bot\\_%'")
        with held.cursor() as cursor:  # as a transaction does that has written
            cursor.execute(f"LOCK {', '.join(name for (name,) in tables)} IN ROW EXCLUSIVE MODE")

        # nobody lets go of them: that it ends at all is that it gave up
        refused = flask_db(database_url, tmp_path, *step)
        assert refused.returncode != 0
        assert "canceling statement due to lock timeout" in refused.stderr
        assert schema(looking) == before

        held.rollback()
        migrate(database_url, *step)
        assert schema(looking) != before


def test_an_index_that_an_attempt_could_not_finish_is_made_by_the_next_one(
    database_url: str, tmp_path: Path
) -> None:
    migrate(database_url, "downgrade", "0014")
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_bot_trade_of_asset'::regclass"
    with closing(psycopg2.connect(database_url)) as looking, closing(psycopg2.connect(database_url)) as held:
        looking.autocommit = True
        with held.cursor() as cursor:
            cursor.execute("INSERT INTO bot_trade (symbol, entry_price, shares) VALUES ('AAPL', 10, 1)")

        refused = flask_db(database_url, tmp_path, "upgrade", "0015")

        assert "canceling statement due to lock timeout" in refused.stderr
        assert rows(looking, valid) == [(False,)]
        held.rollback()
        migrate(database_url, "upgrade", "0015")
        assert rows(looking, valid) == [(True,)]
