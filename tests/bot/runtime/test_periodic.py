"""Work that is repeated: it goes on whatever it raises, and says each error once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from bot.errors import DatabaseUnavailable
from bot.runtime import periodic
from bot.runtime.periodic import Periodic
from tests.support.waiting import wait_for


class Work:
    """Raises what it is told to, and counts."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.count = 0

    def __call__(self) -> None:
        self.count += 1
        if self.error is not None:
            raise self.error

    def runs(self, times: int) -> None:
        until = self.count + times
        wait_for(lambda: self.count >= until, 5, f"the work was done {times} times more")


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    monkeypatch.setattr(periodic, "PAUSE_AFTER_ERROR_SEC", 0.005)
    stopping, work = threading.Event(), Work()
    repeated = Periodic("sweep", 0.001, work, stopping=stopping)
    repeated.start()
    yield work
    stopping.set()
    assert repeated.join(15)


def test_an_error_is_said_once_until_it_is_over_or_another(
    work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, periodic.__name__):
        for error in (DatabaseUnavailable("Away."), ValueError("odd"), None, DatabaseUnavailable("Away.")):
            work.error = error
            work.runs(5)
    said = [(record.levelname, record.message, record.exc_info is not None) for record in caplog.records]
    assert said == [
        ("ERROR", "sweep: Away.", False),
        ("ERROR", "sweep failed and goes on", True),
        ("INFO", "sweep works again", False),
        ("ERROR", "sweep: Away.", False),
    ]


def test_work_that_fails_is_not_repeated_without_a_pause(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    work.runs(1)
    monkeypatch.setattr(periodic, "PAUSE_AFTER_ERROR_SEC", 60.0)
    work.error = ValueError("odd")
    work.runs(1)
    failed = work.count
    assert not threading.Event().wait(0.2)
    assert work.count == failed


def test_who_is_asked_each_time_says_how_long_the_pause_is() -> None:
    stopping, work, pauses = threading.Event(), Work(), iter([0.001] * 5 + [60.0])
    repeated = Periodic("sweep", lambda: next(pauses), work, stopping=stopping)
    repeated.start()
    wait_for(lambda: work.count == 6, 5, "it was done after each short pause")
    stopping.set()
    assert repeated.join(15)
    assert work.count == 6
