"""Connections that nobody used for a while are closed; what is in use, or was a moment ago, stays."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from sqlalchemy import text

from bot.storage import shrinking_pool
from bot.storage.database import Database
from tests.bot.world import settings_for
from tests.support.waiting import wait_for

OPEN = text(
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pitboss' AND datname = current_database()"
)


def test_of_many_connections_the_one_that_is_used_stays_and_is_used_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    now = 1000.0
    monkeypatch.setattr(shrinking_pool, "monotonic", lambda: now)
    database = Database.connect(settings_for(database_url), pool_size=3)

    def ask(question: str | None = None) -> int:
        statement = OPEN if question is None else text(question)
        return int(database.read(lambda session: session.execute(statement).scalar_one()))

    def use_at_once(count: int) -> None:
        with ExitStack() as used:
            for _ in range(count):
                used.enter_context(database.engine.connect()).execute(text("SELECT 1"))

    use_at_once(3)
    assert ask() == 3
    now += shrinking_pool.IDLE_SEC - 1
    in_use = ask("SELECT pg_backend_pid()")
    assert ask() == 3, "none has idled for long enough"
    now += 2
    for _ in range(5):
        assert ask("SELECT pg_backend_pid()") == in_use, "the last one that was used is used again"
    wait_for(lambda: ask() == 1, 5, "the others are closed")
    use_at_once(6)  # twice as many as are kept
    wait_for(lambda: ask() == 3, 5, "and opened again when they are needed")
    database.close()
