"""A Postgres that answers and cannot be written is told about past the outbox, which is in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from bot.alerts.delivery import AlertDelivery
from bot.alerts.write_monitor import WriteMonitor
from bot.errors import DatabaseReadOnly
from bot.settings.settings import Settings
from bot.storage.database import Database
from tests.bot.alerts.commands import Bot
from tests.support.receiver import Receiver
from tests.support.tables import Tables


@pytest.fixture
def monitors(database: Database, settings: Settings) -> list[WriteMonitor]:
    """Those of two processes."""
    return [WriteMonitor(database, settings, patience_sec=0) for _ in range(2)]


def test_a_read_only_database_is_told_once_and_so_is_its_end(
    monitors: list[WriteMonitor],
    read_only: Callable[[bool], None],
    receiver: Receiver,
    database: Database,
    settings: Settings,
) -> None:
    for each in monitors * 2:
        each.check()
    assert [each.trouble for each in monitors] == [None, None]

    read_only(True)
    for each in monitors * 3:
        each.check()
    assert all(isinstance(each.trouble, DatabaseReadOnly) for each in monitors)
    assert receiver.kinds == ["database_not_writable"]
    assert "read-only" in receiver.taken[0]["text"]
    assert receiver.requests[0].signed

    read_only(False)
    for each in monitors * 2:
        each.check()
    assert [each.trouble for each in monitors] == [None, None]
    AlertDelivery(database, settings).run()
    assert receiver.kinds == ["database_not_writable", "database_writable"]


def test_a_receiver_that_refuses_is_asked_again(
    monitors: list[WriteMonitor], read_only: Callable[[bool], None], receiver: Receiver
) -> None:
    receiver.behave(status=500)
    read_only(True)
    monitors[0].check()
    receiver.behave()
    monitors[0].check()
    monitors[0].check()
    assert receiver.kinds == ["database_not_writable"]


def test_no_command_of_a_read_only_database_has_an_unknown_outcome(
    read_only: Callable[[bool], None], database: Database, settings: Settings
) -> None:
    read_only(True)
    bot = Bot(database, settings)
    for kind in ("start", "kill"):
        with pytest.raises(DatabaseReadOnly):
            bot.do(kind)


def test_the_isolation_level_is_ours_whatever_the_database_says(
    database: Database, settings: Settings, tables: Tables
) -> None:
    [row] = tables.sql("SELECT current_database() AS name")
    tables.sql(f"ALTER DATABASE \"{row['name']}\" SET default_transaction_isolation = 'repeatable read'")
    database.close()
    shown = "SELECT current_setting('transaction_isolation')"
    assert database.run(lambda session: session.scalar(text(shown))) == "read committed"
    assert database.read(lambda session: session.scalar(text(shown))) == "read committed"
