"""Who cuts connections that hang looks often while one is in use, and seldom otherwise."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text

from bot.errors import DatabaseUnavailable
from bot.runtime.periodic import Periodic
from bot.storage.database import CONNECT_TIMEOUT_SEC, LOCK_TIMEOUT_MS, Database
from bot.storage.hang_guard import IDLE_LOOK_SEC, LOOK_SEC
from bot.storage.pipeline import Pipeline
from tests.bot.world import settings_for
from web.monitoring.background import LANE_SEC


def test_a_use_that_begins_while_none_was_looked_for_is_not_overdue_at_the_next_check(database_url: str):
    database = Database.connect(settings_for(database_url), pool_size=1)
    guard = database.guard(LANE_SEC)
    assert guard.pause_sec() == IDLE_LOOK_SEC
    with database.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        assert guard.pause_sec() == LOOK_SEC
    assert guard.pause_sec() == IDLE_LOOK_SEC
    assert IDLE_LOOK_SEC + LOOK_SEC < LANE_SEC
    database.close()


def test_two_attempts_at_a_postgres_that_hangs_are_over_within_5_s_and_none_cuts_a_wait_for_the_lock(
    database_url: str,
):
    first = LANE_SEC + LOOK_SEC
    for second in (CONNECT_TIMEOUT_SEC, LANE_SEC + LOOK_SEC):
        assert first + second <= 4.75, "a quarter of a second is left for everything else"
    assert LANE_SEC >= 2 * LOCK_TIMEOUT_MS / 1_000
    database = Database.connect(settings_for(database_url), pool_size=1)
    with database.engine.connect() as connection:
        driver = connection.connection.dbapi_connection
        assert driver is not None
        assert driver.info.dsn_parameters["connect_timeout"] == str(CONNECT_TIMEOUT_SEC)
    database.close()


def test_a_second_attempt_that_hangs_like_the_first_is_cut_too_and_there_is_no_third(database_url: str):
    database = Database.connect(settings_for(database_url), pool_size=1)
    guard = database.guard(0.5)
    attempts: list[int] = []

    def hang(batch: Pipeline) -> None:
        attempts.append(1)
        batch.send("SELECT pg_sleep(10)")

    over = threading.Event()
    Periodic("lane", guard.pause_sec, guard.check, stopping=over).start()
    try:
        with pytest.raises(DatabaseUnavailable):
            database.batched(hang)
    finally:
        over.set()
        database.close()
    assert len(attempts) == 2
