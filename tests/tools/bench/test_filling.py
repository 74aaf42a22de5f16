"""What the bench writes past Pitboss's code is a log as Pitboss would have written it."""

from __future__ import annotations

import pytest

from bot.access.verify_log import verify
from bot.storage.database import Database
from tests.bot.alerts.commands import Bot
from tests.bot.world import settings_for
from tests.support.tables import Tables
from tools.bench import database as bench
from tools.bench import filling


def test_a_filled_log_is_in_the_chain_and_goes_on_as_if_it_had_always_been_there(
    database_url: str, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "_COMMANDS_AT_ONCE", 30)
    settings = settings_for(database_url)
    database = Database.connect(settings, 1)
    bot = Bot(database, settings)
    bot.do("kill")
    bot.do("rearm")
    filling.commands(bench.Database(database_url), 100, chained=True)
    assert verify(database).link == 100
    [trigger] = tables.sql("SELECT tgenabled FROM pg_trigger WHERE tgname = 'bot_command_chain_at_once'")
    assert trigger["tgenabled"] == "O", "as the migration made it"
    [filled] = tables.sql(
        "SELECT count(*) AS rows, count(*) FILTER (WHERE issued_at < before) AS out_of_order FROM"
        " (SELECT issued_at, lag(issued_at) OVER (ORDER BY revision) AS before FROM bot_command WHERE actor = 'bench') each"
    )
    assert filled == {"rows": 98, "out_of_order": 0}
    bot.do("kill")
    assert verify(database).link == 101
    [last] = tables.sql("SELECT max(revision) AS revision FROM bot_command")
    assert last["revision"] == 101
    database.close()
