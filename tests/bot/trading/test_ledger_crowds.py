"""Many trades at once: as many get in as are allowed, none after a halt, and no loss is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from bot.errors import GateClosed, LockBusy
from bot.models import BotTrade, TradeStatus
from tests.bot.ledger_world import World
from tests.bot.trading.crowd import pool, world
from tests.support.waiting import wait_for

__all__ = ["pool", "world"]

pytestmark = pytest.mark.slow

#: How long one of many tries to have the lock, in seconds; before the time limit of its result.
PATIENCE_SEC = 25.0

T = TypeVar("T")


def as_told(work: Callable[[], T]) -> T:
    """Do *work*, again if it could not have the lock in its second: twenty in a row may wait longer on a busy machine,
    and are told that nothing was changed and that they may try again."""
    deadline = time.monotonic() + PATIENCE_SEC
    while True:
        try:
            return work()
        except LockBusy:
            assert time.monotonic() < deadline, "the lock could not be had"


def reserve(world: World) -> BotTrade:
    return world.ledger.open_trade(symbol="ACME", shares=10, entry_price=10)


def test_of_20_racing_opens_exactly_as_many_as_allowed_get_in(world: World, pool: ThreadPoolExecutor) -> None:
    for _ in range(3):
        start = threading.Barrier(20)

        def race(start: threading.Barrier = start) -> str:
            start.wait(10)
            try:
                return as_told(lambda: reserve(world)).status
            except GateClosed as refusal:
                return ",".join(refusal.reasons)

        outcomes = [racer.result(30) for racer in [pool.submit(race) for _ in range(20)]]
        assert sorted(outcomes) == ["max_positions"] * 17 + ["open"] * 3
        assert world.count_trades(TradeStatus.OPEN) == 3
        world.sql("DELETE FROM bot_trade")


@pytest.mark.parametrize("halt", ["stop", "kill"])
def test_no_trade_is_opened_after_a_halt_that_races_with_ten_opens(
    world: World, pool: ThreadPoolExecutor, halt: str
) -> None:
    world.do("update_config", maxConcurrentPositions=1000)
    for _ in range(5):
        start = threading.Barrier(11)

        def race(start: threading.Barrier = start) -> None:
            start.wait(10)
            for _ in range(20):
                try:
                    reserve(world)
                except GateClosed:
                    return

        def stop(start: threading.Barrier = start, before: int = world.count_trades()) -> int:
            start.wait(10)
            wait_for(lambda: world.count_trades() > before, 5, "some were opened")
            world.do(halt)
            return world.count_trades()

        racers = [pool.submit(race) for _ in range(10)]
        when_halted = pool.submit(stop).result(30)
        for racer in racers:
            racer.result(30)
        assert world.count_trades() == when_halted, "trades were opened after the halt"
        if halt == "kill":
            world.do("rearm")
        world.do("start")


def test_racing_losses_close_the_gate_at_the_limit_and_none_is_lost(
    world: World, pool: ThreadPoolExecutor
) -> None:
    world.do("update_config", maxConcurrentPositions=50)
    losers = [world.open_filled(f"L{number}") for number in range(20)]

    def lose(trade: BotTrade) -> None:
        as_told(lambda: world.ledger.close_trade(trade.id, exit_price="5.01", exit_reason="hard_stop"))

    for racer in [pool.submit(lose, trade) for trade in losers]:
        racer.result(30)
    assert [pnl for pnl, _, _ in world.stats().values()] == [-998]
    assert world.reasons() == ["daily_loss"]
