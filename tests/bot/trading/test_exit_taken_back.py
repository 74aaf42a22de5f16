"""An order that was taken for the exit of one trade turns out to have entered another one."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from bot.booking import Author, Booking
from bot.errors import TradeConflict
from bot.models import BotTrade, ExitReason, ExitSource, TradeEventKind, TradeStatus
from tests.bot.ledger_world import ORDER, World


def book_exit(world: World, trade: BotTrade, shares: int, **more: Any) -> None:
    """As reconciliation books a sale that it finds, unless *more* says otherwise."""

    def work(session: Session) -> None:
        row = session.get_one(BotTrade, trade.id)
        how = {"source": ExitSource.RECONCILIATION, "order_id": ORDER[1], "fill_id": "1", **more}
        with Booking(session, Author("reconciliation")) as booking:
            booking.book_exit(row, shares=Decimal(shares), price=Decimal(12), at=world.database.now(), **how)

    world.database.run(work)


def enter_short(world: World) -> BotTrade:
    short = world.ledger.open_trade(symbol="ACME", shares=-4, entry_price=12)
    return world.ledger.record_entry(short.id, alpaca_order_id=ORDER[1], shares=-4, entry_price=12)


@pytest.mark.parametrize("shares", [10, 4], ids=["all of it", "a part"])
@pytest.mark.parametrize("marked", [None, ExitReason.HARD_STOP])
def test_what_its_program_records_as_an_entry_is_taken_back_as_an_exit(
    world: World, shares: int, marked: ExitReason | None
) -> None:
    long = world.open_filled()
    if marked:
        world.ledger.mark_exit_reason(long.id, marked)
    book_exit(world, long, shares)
    short = enter_short(world)
    for _ in range(2):
        row = world.trade(long)
        assert (row.status, row.exited_shares, row.exit_reason) == (TradeStatus.OPEN, Decimal(0), marked)
        assert (row.exit_price, row.pnl, row.exit_at, row.alpaca_exit_order_id) == (None, None, None, None)
        assert set(world.stats().values()) <= {(Decimal(0), 0, 0)}
        assert [event.kind for event in world.events(long.id)].count(TradeEventKind.EXIT_REMOVED) == 1
        # the same again changes nothing
        world.ledger.record_entry(short.id, alpaca_order_id=ORDER[1], shares=-4, entry_price=12)


def test_so_is_what_a_program_records_with_its_order_in_one_step(world: World) -> None:
    long = world.open_filled()
    book_exit(world, long, 4)
    book_exit(world, long, 2, fill_id="2")
    book_exit(world, long, 1, fill_id="3", order_id=ORDER[2])
    world.ledger.open_trade(symbol="ACME", shares=-6, entry_price=12, alpaca_order_id=ORDER[1])
    assert world.trade(long).exited_shares == 1, "another order's exit stays"


def test_the_exits_of_the_trade_itself_stay(world: World) -> None:
    trade = world.open_filled(alpaca_order_id=ORDER[1])
    book_exit(world, trade, 4)
    world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], shares=10, entry_price=10)
    assert world.trade(trade).exited_shares == 4


@pytest.mark.parametrize("source", [each for each in ExitSource if each is not ExitSource.RECONCILIATION])
def test_an_exit_that_somebody_recorded_keeps_its_order(world: World, source: ExitSource) -> None:
    long = world.open_filled()
    book_exit(world, long, 4, source=source)
    short = world.ledger.open_trade(symbol="ACME", shares=-4, entry_price=12)
    with pytest.raises(TradeConflict, match=f"Order {ORDER[1]} belongs to trade {long.id}"):
        world.ledger.record_entry(short.id, alpaca_order_id=ORDER[1], shares=-4, entry_price=12)
    assert world.trade(long).exited_shares == 4
    assert (world.trade(short).filled, world.trade(short).alpaca_order_id) == (False, None)


def test_a_program_may_record_its_trades_an_hour_late(world: World) -> None:
    long = world.open_filled()
    book_exit(world, long, 4)
    world.sql("UPDATE bot_trade_exit SET at = at - :late", late=timedelta(hours=1))
    enter_short(world)
    assert world.trade(long).exited_shares == 0
