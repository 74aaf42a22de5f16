"""The one thread of a web process that hears of outcomes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from uuid import uuid4

import psycopg2
import pytest

from bot.commands.controller import SAFER_WITHIN, Controller
from bot.commands.log import NewCommand
from bot.runtime.threads import Threads
from bot.states import CommandKind, CommandStatus, Source
from bot.storage.database import Database
from bot.storage.notifications import CHANGES, FINISHED, QUEUED
from tests.bot.world import settings_for
from tests.support.waiting import wait_for
from web.commands import outcomes
from web.commands.outcomes import OutcomeWaiter


def test_a_notification_that_this_release_does_not_understand_does_not_make_it_deaf(database_url: str):
    settings = settings_for(database_url)
    watch = OutcomeWaiter(Controller(Database.connect(settings), settings), settings)
    heard: list[tuple[str, str]] = []
    watch.subscribe(lambda channel, payload: heard.append((channel, payload)))
    threads = Threads()
    watch.start(threads)
    wait_for(lambda: heard, 5, "it listens")
    with closing(psycopg2.connect(database_url)) as connection, connection, connection.cursor() as cursor:
        for payload in (
            "",
            " ",
            "no-id",
            "1 applied x running paper",
            "1 applied 7 flying paper",
            "after all",
        ):
            cursor.execute("SELECT pg_notify(%s, %s)", [FINISHED, payload])
    wait_for(lambda: (FINISHED, "after all") in heard, 5, "it goes on")
    assert len(heard) == 7
    assert threads.stop(15)
    watch.close()


def test_overdue_commands_are_looked_for_often_once_a_command_came_in_and_seldom_when_none_has_for_long(
    database_url: str,
):
    settings = settings_for(database_url)
    watch = OutcomeWaiter(Controller(Database.connect(settings), settings), settings)
    assert watch._pause_sec() == outcomes.OVERDUE_IDLE_SEC
    for is_heard in (
        lambda: watch._heard(QUEUED, "1 stop"),
        lambda: watch._heard("", ""),
        lambda: use(watch),
    ):
        watch._busy_until = 0.0
        is_heard()
        assert watch._pause_sec() == outcomes.OVERDUE_SEC
    watch._busy_until = 0.0
    watch._heard(CHANGES, "bot_trade")
    assert watch._pause_sec() == outcomes.OVERDUE_IDLE_SEC
    assert SAFER_WITHIN.total_seconds() >= outcomes.OVERDUE_IDLE_SEC, "a stop would be applied later"
    assert SAFER_WITHIN.total_seconds() + outcomes.OVERDUE_SEC < 2, (
        "in which a stop is applied without a worker"
    )


def test_who_waits_for_an_outcome_is_woken_by_it_and_does_not_look_for_it(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(outcomes, "LOOK_SEC", 60.0)
    settings = settings_for(database_url)
    controller = Controller(Database.connect(settings), settings)
    watch = OutcomeWaiter(controller, settings)
    heard: list[str] = []
    watch.subscribe(lambda channel, _: heard.append(channel))
    threads = Threads()
    watch.start(threads)
    wait_for(lambda: heard, 5, "it listens")
    wanted = NewCommand(kind=CommandKind.START, actor="alice", source=Source.API)
    with watch.expect(wanted.id) as finished, ThreadPoolExecutor(1) as pool:
        command = controller.submit(wanted)
        waiting = pool.submit(watch.wait, command, finished, 60.0, controller)
        controller.apply()
        assert waiting.result(timeout=15).status == CommandStatus.APPLIED
    assert threads.stop(15)
    watch.close()


def use(watch: OutcomeWaiter) -> None:
    with watch.expect(uuid4()):
        pass
