"""Who cuts connections that hang looks often while one is in use, and seldom otherwise."""

from __future__ import annotations

from sqlalchemy import text

from bot.storage.database import Database
from bot.storage.hang_guard import IDLE_LOOK_SEC, LOOK_SEC
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
