"""Each finished command carries a hash over itself and the one before: what was changed afterwards is found."""

from __future__ import annotations

from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import event

from bot.access import verify_log
from bot.access.daily_head import DailyHead
from bot.access.verify_log import Broken, Head, head, verify
from bot.commands.log import NewCommand
from bot.settings.settings import Settings
from bot.states import CommandKind, Source
from bot.storage.database import Database
from tests.bot.alerts.commands import Bot
from tests.support.tables import Tables


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(
        _env_file=None, database_url=database_url, redis_url="redis://127.0.0.1:1/0", market_hours="always"
    )


@pytest.fixture
def bot(database: Database, settings: Settings) -> Bot:
    bot = Bot(database, settings)
    for kind in ("start", "pause", "start", "kill", "rearm"):
        bot.do(kind, "because – of “this”")
    bot.do("update_config", dailyLossLimitUsd=123.45)
    return bot


def by_force(tables: Tables, *statements: str) -> None:
    """As the owner of the tables could: without the triggers."""
    for statement in ("ALTER TABLE bot_command DISABLE TRIGGER USER", *statements):
        tables.sql(statement)
    tables.sql("ALTER TABLE bot_command ENABLE TRIGGER USER")


def test_a_log_that_nobody_touched_holds_whatever_the_session_that_reads_it(
    bot: Bot, database: Database, tables: Tables
) -> None:
    found = verify(database)
    assert found.link == 6
    assert database.read(head) == found
    assert verify(database, [found]) == found
    tables.sql(
        "ALTER DATABASE current SET timezone = 'Asia/Tokyo'".replace(
            "current", tables.sql("SELECT current_database() AS name")[0]["name"]
        )
    )
    assert verify(database) == found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE bot_command SET actor = 'mallory' WHERE link = 3", "is not as it was"),
        ("UPDATE bot_command SET changes = '{}' WHERE link = 6", "is not as it was"),
        (
            "UPDATE bot_command SET finished_at = finished_at + interval '1 ms' WHERE link = 1",
            "is not as it was",
        ),
        ("DELETE FROM bot_command WHERE link = 4", "from link 3 to 5"),
        ("UPDATE bot_command SET link = NULL, hash = NULL WHERE link = 6", "not in the chain"),
        ("UPDATE bot_command SET link = 5 WHERE link = 6", "from link 5 to 5|is not as it was"),
    ],
)
def test_what_was_changed_taken_out_or_put_in_is_found(
    bot: Bot, database: Database, tables: Tables, change: str, said: str
) -> None:
    by_force(tables, change)
    with pytest.raises(Broken, match=said):
        verify(database)


def test_a_log_of_many_pages_is_judged_as_one(
    bot: Bot, database: Database, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: counted.append(given[2]))
    monkeypatch.setattr(verify_log, "BATCH", 2)
    monkeypatch.setattr(verify_log, "COUNTED", 2)
    assert verify(database).link == 6
    assert sum("BETWEEN" in statement for statement in counted) == 3
    by_force(tables, "UPDATE bot_command SET link = NULL, hash = NULL WHERE link = 6")
    with pytest.raises(Broken, match=r"1 finished command.* not in the chain"):
        verify(database)


def test_an_end_that_was_cut_off_or_a_log_that_was_rewritten_does_not_match_the_head_that_was_noted(
    bot: Bot, database: Database, tables: Tables
) -> None:
    noted = verify(database)
    by_force(tables, "DELETE FROM bot_command WHERE link = 6")
    assert verify(database).link == 5
    with pytest.raises(Broken, match="cut off"):
        verify(database, [noted])
    with pytest.raises(Broken, match="rewritten"):
        verify(database, [Head(3, "0" * 64)])


def test_a_command_that_is_finished_as_it_is_inserted_is_in_the_chain(
    database: Database, tables: Tables
) -> None:
    tables.sql(
        "INSERT INTO bot_command (id, kind, actor, source, status, revision, finished_at)"
        " VALUES (%s, 'kill', 'pitboss', 'system', 'applied', 1, now())",
        [uuid4()],
    )
    assert verify(database).link == 1


def test_many_that_end_in_one_transaction_follow_each_other(database: Database, settings: Settings) -> None:
    bot = Bot(database, settings)
    for _ in range(300):
        bot._controller.submit(NewCommand(kind=CommandKind.START, actor="a", source=Source.API))
    bot.do("kill")
    bot._controller.apply()
    assert verify(database).link == 301


def test_the_head_is_told_once_a_day_where_somebody_reads_it(
    bot: Bot, database: Database, settings: Settings, tables: Tables
) -> None:
    told = settings.model_copy(
        update={
            "alert_daily_at": "00:00",
            "alert_webhook_url": SecretStr("https://hooks.example.com/x"),
            "alert_webhook_secret": SecretStr("secret-of-the-webhook"),
        }
    )
    DailyHead(database, told.model_copy(update={"alert_daily_at": "off"})).check()
    DailyHead(database, settings).check()
    assert tables.sql("SELECT 1 FROM bot_alert WHERE kind = 'log_head'") == []
    for _ in range(2):
        DailyHead(database, told).check()
    [row] = tables.sql("SELECT facts FROM bot_alert WHERE kind = 'log_head'")
    assert verify(database, [Head.parse(row["facts"]["head"])]).link == row["facts"]["commands"]


@pytest.mark.parametrize(("address", "told"), [("json://127.0.0.1:9", 1), ("critical=json://127.0.0.1:9", 0)])
def test_the_head_is_told_to_an_address_that_is_told_everything(
    bot: Bot, database: Database, settings: Settings, tables: Tables, address: str, told: int
) -> None:
    changes = {"alert_daily_at": "00:00", "alert_urls": SecretStr(address)}
    DailyHead(database, settings.model_copy(update=changes)).check()
    assert len(tables.sql("SELECT 1 FROM bot_alert WHERE kind = 'log_head'")) == told
