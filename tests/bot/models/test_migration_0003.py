"""Migration 0003 up, down and over a log that is not empty."""

import pytest

from tests.support.migrations import migrate
from tests.support.tables import Tables

FINISHED = """
INSERT INTO bot_command (id, kind, actor, source, status, revision, issued_at, finished_at)
SELECT gen_random_uuid(), 'start', 'a', 'api', 'applied', n, now(), now() + interval '7 milliseconds' * n
FROM generate_series(1, 10) n
"""


@pytest.mark.slow
def test_it_counts_the_commands_that_were_finished_before_and_can_be_taken_back(
    empty_database_url: str,
) -> None:
    migrate(empty_database_url, "upgrade", "0002")
    tables = Tables(empty_database_url)
    tables.sql(FINISHED)

    migrate(empty_database_url)

    (row,) = tables.sql("SELECT * FROM bot_command_tally")
    assert (row["kind"], row["status"], row["count"]) == ("start", "applied", 10)
    assert abs(row["seconds"] - 0.385) < 1e-6
    # 7 ms, 14 and 21, 28 to 49, 56 to 70
    assert row["buckets"] == [0, 1, 2, 4, 3] + [0] * 8
    migrate(empty_database_url, "check")

    migrate(empty_database_url, "downgrade", "0002")
    assert not tables.sql("SELECT 1 FROM pg_proc WHERE proname ~ '^bot_.*(tally|alert|verdict)'")
    assert not tables.sql("SELECT 1 FROM pg_tables WHERE tablename ~ 'tally|alert|condition'")
    migrate(empty_database_url, "downgrade", "base")
    tables.close()
