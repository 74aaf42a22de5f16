"""Threads that are stopped together."""

from __future__ import annotations

import threading

from bot.runtime.threads import Threads
from tests.support.waiting import wait_for


def test_work_that_waits_is_woken_and_each_thread_has_ended_when_stop_returns() -> None:
    threads, asked, begun = Threads(), threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        asked.wait(60)

    threads.repeat("one that waits", 60, wait, wake=asked.set)
    threads.repeat("one that pauses", 60, lambda: None)
    assert begun.wait(15)
    assert threads.stop(15)
    assert threads.are_stopping
    assert not {each.name for each in threading.enumerate()} & {"one that waits", "one that pauses"}


def test_a_thread_that_does_not_end_is_not_waited_for_any_longer() -> None:
    threads, over, begun = Threads(), threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        over.wait(60)

    threads.repeat("one that hangs", 60, hang)
    assert begun.wait(15)
    assert not threads.stop(0.05)
    over.set()
    assert threads.stop(15)


def test_a_name_is_started_once() -> None:
    threads, done = Threads(), []
    for _ in range(2):
        threads.repeat("sweep", 60, lambda: done.append(1))
    wait_for(lambda: done, 15, "it ran")
    assert threads.stop(15)
    assert done == [1]
