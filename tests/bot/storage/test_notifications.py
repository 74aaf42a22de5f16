"""Hearing what Postgres notifies."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from bot.storage.notifications import FINISHED, LOST, QUEUED, Listener, Notification
from tests.bot.world import TestDatabase, settings_for
from tests.support.waiting import wait_for


@pytest.fixture
def listener(database: TestDatabase) -> Iterator[Listener]:
    listener = Listener(settings_for(database.url), QUEUED)
    assert listener.poll(5) == [LOST], "it cannot know what was notified before it listened"
    yield listener
    listener.close()


def test_it_hears_what_it_listens_to_and_nothing_else(database: TestDatabase, listener: Listener):
    database.sql(
        f"SELECT pg_notify('{FINISHED}', 'x'), pg_notify('{QUEUED}', 'a'), pg_notify('{QUEUED}', 'b')"
    )
    assert listener.poll(5) == [Notification(QUEUED, "a"), Notification(QUEUED, "b")]
    assert listener.poll(0.01) == []


def test_it_says_when_it_may_have_missed_something(database: TestDatabase, listener: Listener):
    database.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'pitboss-listener' AND datname = current_database()"
    )
    heard: list[Notification] = []

    def back() -> bool:
        heard.extend(listener.poll(1))
        return heard == [LOST]

    wait_for(back, 5, "it has connected again")
    database.sql(f"SELECT pg_notify('{QUEUED}', 'later')")
    assert listener.poll(5) == [Notification(QUEUED, "later")]


def test_it_can_be_woken(listener: Listener):
    began = time.monotonic()
    waker = threading.Timer(0.1, listener.wake)
    waker.start()
    assert listener.poll(60) == []
    assert time.monotonic() - began < 15
    waker.join()
