"""The rows of workers: who is alive, and who is forgotten."""

from __future__ import annotations

from functools import partial

from bot.status import heartbeat
from tests.bot.world import TestDatabase

SEEN = (
    "INSERT INTO bot_worker (name, started_at, last_seen_at)"
    " VALUES (%s, now() - interval '2 days', now() - %s::interval)"
)


def test_a_worker_that_starts_deletes_the_rows_of_those_not_seen_for_a_day(database: TestDatabase) -> None:
    database.sql(SEEN, ["long gone", "1 day 1 minute"])
    database.sql(SEEN, ["gone", "23 hours"])
    database.pool.batched(lambda batch: heartbeat.start(batch, "new"))
    rows = database.sql("SELECT name FROM bot_worker ORDER BY name")
    assert [row["name"] for row in rows] == ["gone", "new"]


def test_a_heartbeat_renews_when_a_worker_was_seen_and_keeps_when_it_started(database: TestDatabase) -> None:
    database.sql(SEEN, ["it", "1 hour"])
    for trouble, said in (("it takes no messages", ["it: it takes no messages"]), (None, [])):
        database.pool.batched(partial(heartbeat.beat, name="it", trouble=trouble))
        assert database.pool.read(heartbeat.troubles) == said
    [row] = database.sql(
        "SELECT now() - started_at > '1 day' AS old, now() - last_seen_at < '1 minute' AS seen FROM bot_worker"
    )
    assert row == {"old": True, "seen": True}
