"""A look that is taken every second: prepared, and with its values written into it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import exists, func

from bot.models import BotWorker
from bot.storage.look import Look
from tests.bot.world import TestDatabase


def test_a_look_says_whether_it_is_so_each_time_it_is_taken(database: TestDatabase):
    seen_lately = BotWorker.last_seen_at > func.clock_timestamp() - timedelta(seconds=30)
    look = Look("is_a_worker_there", exists().where(BotWorker.name == "it's 100% w", seen_lately))
    assert look.take(database.pool) is False
    database.sql("INSERT INTO bot_worker (name, last_seen_at) VALUES ('it''s 100%% w', clock_timestamp())")
    assert look.take(database.pool) is True
    database.sql("UPDATE bot_worker SET last_seen_at = clock_timestamp() - interval '31 seconds'")
    assert look.take(database.pool) is False
