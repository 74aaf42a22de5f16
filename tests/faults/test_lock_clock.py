"""Times are read under the lock, not before it was waited for."""

import threading

from sqlalchemy import text

from bot.commands.controller import Controller
from bot.commands.log import NewCommand
from bot.states import CommandKind, Source
from bot.storage.database import Database
from tests.bot.world import settings_for
from tests.support.tables import WAIT_FOR_A_LOCK, Tables
from tests.support.waiting import wait_for


def wish(kind: CommandKind) -> NewCommand:
    return NewCommand(kind=kind, actor="tests", source=Source.API)


def test_a_command_that_is_accepted_while_another_waits_for_the_lock_is_not_finished_before_it_was_issued(
    database_url: str, tables: Tables
):
    settings = settings_for(database_url)
    database = Database.connect(settings)
    controller = Controller(database, settings)
    controller.submit(wish(CommandKind.KILL))
    with database.engine.connect() as holder:
        holder.execute(text("SELECT 1 FROM bot_config FOR UPDATE"))
        waiting = threading.Thread(target=controller.apply)
        waiting.start()
        wait_for(lambda: tables.sql(WAIT_FOR_A_LOCK), 5, "the other one waits for the lock")
        late = controller.submit(wish(CommandKind.REARM))
        holder.rollback()  # it changed nothing, so nothing makes Postgres read the row, and the clock, again
    waiting.join()
    row = controller.find(late.id)
    database.close()
    assert row is not None
    assert row.finished_at is not None
    assert row.finished_at > row.issued_at


def test_neither_is_one_that_was_accepted_before_the_clock_was_put_back(database_url: str):
    settings = settings_for(database_url)
    database = Database.connect(settings)
    controller = Controller(database, settings)
    ahead = wish(CommandKind.KILL)
    insert = text(
        "INSERT INTO bot_command (id, kind, actor, source, issued_at)"
        " VALUES (:id, 'kill', 'tests', 'api', clock_timestamp() + interval '5 seconds')"
    )
    database.run(lambda session: session.execute(insert, {"id": ahead.id}))
    controller.apply()
    row = controller.find(ahead.id)
    database.close()
    assert row is not None
    assert row.finished_at is not None
    assert row.finished_at >= row.issued_at
