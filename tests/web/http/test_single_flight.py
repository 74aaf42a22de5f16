"""One read for all who ask at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from bot.errors import DatabaseUnavailable
from tests.support.waiting import wait_for
from web.http.single_flight import SingleFlight


class Reads:
    """A read that takes as long as the test wants; its results are 1, 2, 3, …"""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.begun = 0
        self.may_end = threading.Semaphore(0)
        self.fails = False

    def __call__(self) -> int:
        self.begun += 1
        number = next(self._numbers)
        assert self.may_end.acquire(timeout=15)
        if self.fails:
            raise ValueError(f"read {number} failed")
        return number


def test_whoever_asks_while_a_read_runs_gets_the_next_one_with_all_who_wait():
    reads = Reads()
    shared = SingleFlight(reads)
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(shared)
        wait_for(lambda: reads.begun == 1, 5, "the first read runs")
        later = [pool.submit(shared) for _ in range(5)]
        wait_for(lambda: pool._work_queue.empty(), 5, "all have asked")
        assert reads.begun == 1, "one read at a time"
        reads.may_end.release(10)
        assert first.result(15) == 1
        numbers = {each.result(15) for each in later}
    assert 1 not in numbers, "nobody gets what was read before he asked"
    assert reads.begun <= 3, "they were told together"


def test_one_after_the_other_each_have_a_read_of_their_own():
    reads = Reads()
    reads.may_end.release(3)
    shared = SingleFlight(reads)
    assert [shared(), shared(), shared()] == [1, 2, 3]


def test_a_read_that_fails_fails_for_all_who_waited_for_it_and_not_for_the_next():
    reads = Reads()
    shared = SingleFlight(reads)
    reads.fails = True
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(shared) for _ in range(3)]
        wait_for(lambda: reads.begun == 1, 5, "a read runs")
        reads.may_end.release(3)
        for each in asked:
            with pytest.raises(ValueError, match="failed"):
                each.result(15)
    reads.fails = False
    reads.may_end.release()
    assert shared() > 1


def test_a_read_that_hangs_is_waited_for_so_long_and_no_longer():
    reads = Reads()
    shared = SingleFlight(reads, patience_sec=0.1)
    with ThreadPoolExecutor(4) as pool:
        hanging = pool.submit(shared)
        wait_for(lambda: reads.begun == 1, 5, "it hangs")
        for each in [pool.submit(shared) for _ in range(3)]:
            with pytest.raises(DatabaseUnavailable):
                each.result(15)
        assert reads.begun == 1
        reads.may_end.release(2)
        assert hanging.result(15) == 1
    assert shared() == 2, "the next one is served again"
