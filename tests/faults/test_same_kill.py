"""The same kill, sent again while the first one waits for the lock."""

import threading

from bot.commands.controller import Controller
from bot.commands.log import NewCommand
from bot.models import BotCommand
from bot.states import CommandKind, CommandStatus, Source
from bot.storage.database import Database
from bot.storage.locked_bot import LockedBot
from bot.storage.pipeline import Pipeline
from tests.bot.world import settings_for
from tests.support.tables import WAIT_FOR_A_LOCK, Tables
from tests.support.waiting import wait_for


def test_whoever_sends_it_again_is_told_how_it_ended(database_url: str, tables: Tables):
    def kill() -> NewCommand:
        return NewCommand(kind=CommandKind.KILL, actor="tests", source=Source.API, idempotency_key="once")

    settings = settings_for(database_url)
    database = Database.connect(settings)
    controller = Controller(database, settings)
    first = controller.submit(kill())
    answers: list[BotCommand] = []
    again = threading.Thread(target=lambda: answers.append(controller.kill(kill())))

    def work(batch: Pipeline) -> None:
        locked = LockedBot.take(batch)
        again.start()
        wait_for(lambda: tables.sql(WAIT_FOR_A_LOCK), 5, "the other one waits for the lock")
        controller._handlers.drain(locked)
        locked.commit()

    database.batched(work)
    again.join()
    database.close()
    assert [(each.id, each.status) for each in answers] == [(first.id, CommandStatus.APPLIED)]
