"""Where the rules for a recorded entry end: which fill is news, which came late, and which is another one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.errors import IdempotencyConflict, TradeConflict
from bot.models import BotTrade, TradeStatus
from bot.trading.idempotency import IdempotencyKey
from tests.bot.ledger_world import ORDER, World, settings_of
from tests.bot.world import TestDatabase


@pytest.fixture
def world(database: TestDatabase) -> Iterator[World]:
    world = World(settings_of(database.url))
    world.open_gate()
    yield world
    world.close()


def reserve(world: World) -> BotTrade:
    return world.ledger.open_trade(symbol="ACME", shares=10, entry_price="10.00")


def fill(world: World, trade: BotTrade, shares: int, price: str) -> BotTrade:
    return world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price=price, shares=shares)


def test_each_fill_on_the_way_may_be_delivered_once_more_and_late(world: World) -> None:
    trade = reserve(world)
    on_the_way = [(4, "10.10"), (7, "10.11"), (10, "10.12")]
    full = [fill(world, trade, *each) for each in on_the_way][-1]
    for each in on_the_way:
        late = fill(world, trade, *each)
        assert (late.shares, late.entry_price) == (Decimal(10), Decimal("10.12"))
        assert late.updated_at == full.updated_at


def test_the_shares_and_price_of_a_reservation_are_no_fill_that_was_reported(world: World) -> None:
    trade = reserve(world)
    fill(world, trade, 10, "9.90")
    with pytest.raises(TradeConflict, match=r"is recorded with 10 shares at 9\.9, not 10 at 10"):
        fill(world, trade, 10, "10.00")


def test_a_fill_without_a_time_happened_when_it_was_recorded_and_not_when_it_was_reserved(
    world: World,
) -> None:
    trade = reserve(world)
    filled = fill(world, trade, 10, "10.10")
    assert filled.entry_at > trade.entry_at
    assert filled.entry_at <= world.database.now()


def test_the_true_time_of_a_fill_replaces_the_one_that_was_assumed_while_the_trade_is_open(
    world: World,
) -> None:
    trade = reserve(world)
    assumed = fill(world, trade, 10, "10.10").entry_at
    for at in (assumed - timedelta(minutes=1), assumed - timedelta(minutes=2)):
        told = world.ledger.record_entry(
            trade.id, alpaca_order_id=ORDER[1], entry_price="10.10", shares=10, entry_at=at
        )
        assert told.entry_at == at
    world.ledger.close_trade(trade.id, exit_price=11, exit_reason="time_exit")
    late = world.ledger.record_entry(
        trade.id, alpaca_order_id=ORDER[1], entry_price="10.10", shares=10, entry_at=assumed
    )
    assert (late.status, late.entry_at) == (TradeStatus.CLOSED, assumed - timedelta(minutes=2))


def test_another_fill_of_a_trade_that_ended_is_an_error_that_names_the_way_out(world: World) -> None:
    closed, missed, void = (world.open_filled(symbol) for symbol in ("ACME", "BOLT", "CORE"))
    world.ledger.close_trade(closed.id, exit_price=11, exit_reason="time_exit")
    world.sql("UPDATE bot_trade SET status = 'missed' WHERE id = :id", id=missed.id)
    world.sql("UPDATE bot_trade SET status = 'void' WHERE id = :id", id=void.id)
    for trade, way_out in (
        (closed, "not 12 at 10. Reconciliation books what else filled"),
        (missed, "not 12 at 10. If its position is there, settle it with reopen"),
        (void, "not 12 at 10."),
    ):
        order = str(trade.alpaca_order_id)
        with pytest.raises(TradeConflict) as refused:
            world.ledger.record_entry(trade.id, alpaca_order_id=order, entry_price=10, shares=12)
        assert way_out in str(refused.value)


def test_a_key_of_one_trade_does_not_answer_for_another(world: World) -> None:
    first, second = world.open_filled("ACME"), world.open_filled("BOLT")
    key = IdempotencyKey("executor", "key")
    world.ledger.close_trade(first.id, exit_price=11, exit_reason="time_exit", once=key)
    with pytest.raises(IdempotencyConflict) as refused:
        world.ledger.close_trade(second.id, exit_price=11, exit_reason="time_exit", once=key)
    assert refused.value.details == {"tradeId": str(first.id)}
    assert world.trade(second).status is TradeStatus.OPEN
