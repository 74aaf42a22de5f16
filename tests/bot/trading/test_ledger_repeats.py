"""What may be repeated in the ledger, by its order or by its key, without a second trade or a second result."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from bot.errors import GateClosed, IdempotencyConflict, OutcomeUnknown, TradeConflict
from bot.models import TradeStatus
from bot.trading.idempotency import IdempotencyKey
from tests.bot.ledger_world import ORDER, World
from tests.bot.trading.circumstances import broken_commits, reserve


def test_the_same_fill_opened_twice_is_one_trade(world: World) -> None:
    first = world.open_filled(alpaca_order_id=ORDER[1])
    again = world.open_filled(alpaca_order_id=ORDER[1], shares="10.0", entry_price="10")
    assert (again.id, again.updated_at, world.count_trades()) == (first.id, first.updated_at, 1)


def test_a_fill_that_was_recorded_is_found_again_when_the_gate_is_closed(world: World) -> None:
    first = world.open_filled(alpaca_order_id=ORDER[1])
    world.do("kill")
    assert world.open_filled(alpaca_order_id=ORDER[1]).id == first.id


@pytest.mark.parametrize(
    ("change", "field"),
    [({"entry_price": 11}, "entryPrice"), ({"shares": -10}, "shares"), ({"symbol": "OTHER"}, "symbol")],
)
def test_the_same_order_with_other_data_is_an_error(world: World, change: dict[str, Any], field: str) -> None:
    facts: dict[str, Any] = {"symbol": "ACME", "shares": 10, "entry_price": 10, "alpaca_order_id": ORDER[1]}
    world.ledger.open_trade(**facts)
    with pytest.raises(TradeConflict, match=f"another {field}"):
        world.ledger.open_trade(**{**facts, **change})
    assert world.count_trades() == 1


def test_ten_threads_that_record_the_same_fill_make_one_trade(world: World) -> None:
    with ThreadPoolExecutor(10) as pool:
        futures = [pool.submit(world.open_filled, alpaca_order_id=ORDER[1]) for _ in range(10)]
        ids = {future.result().id for future in futures}
    assert (len(ids), world.count_trades()) == (1, 1)


def test_ten_threads_that_record_the_same_exit_count_it_once(world: World) -> None:
    trade = world.open_filled()
    with ThreadPoolExecutor(10) as pool:
        futures = [
            pool.submit(world.ledger.close_trade, trade.id, exit_price="11", exit_reason="time_exit")
            for _ in range(10)
        ]
        assert {future.result().pnl for future in futures} == {Decimal(10)}
    assert list(world.stats().values()) == [(Decimal(10), 1, 1)]


def test_the_database_itself_holds_that_an_order_belongs_to_one_trade(world: World) -> None:
    world.open_filled(alpaca_order_id=ORDER[1])
    with pytest.raises(Exception, match="ix_bot_trade_order"):
        world.sql(
            f"INSERT INTO bot_trade (symbol, entry_price, shares, alpaca_order_id) VALUES ('A', 1, 1, '{ORDER[1]}')"
        )


def test_a_key_makes_a_repeated_reservation_one_trade_even_if_the_gate_closed_meanwhile(world: World) -> None:
    once = IdempotencyKey("executor", "signal-17")
    first = reserve(world, once=once)
    world.do("stop")
    assert reserve(world, once=once).id == first.id
    assert world.count_trades() == 1


def test_ten_threads_with_the_same_key_make_one_trade(world: World) -> None:
    with ThreadPoolExecutor(10) as pool:
        futures = [
            pool.submit(reserve, world, once=IdempotencyKey("executor", "signal-17")) for _ in range(10)
        ]
        assert len({future.result().id for future in futures}) == 1
    assert world.count_trades() == 1


def test_a_key_is_its_actors_own_and_fits_one_request_only(world: World) -> None:
    first = reserve(world, once=IdempotencyKey("executor", "key"))
    assert reserve(world, once=IdempotencyKey("somebody else", "key")).id != first.id
    with pytest.raises(IdempotencyConflict, match="Use a new key") as refused:
        reserve(world, shares=11, once=IdempotencyKey("executor", "key"))
    assert refused.value.details == {"tradeId": str(first.id)}
    with pytest.raises(IdempotencyConflict):
        world.ledger.void_trade(first.id, once=IdempotencyKey("executor", "key"))


def test_a_connection_that_breaks_at_the_commit_makes_no_second_trade(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_commits(monkeypatch, 1)
    trade = reserve(world)
    assert world.count_trades() == 1
    world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price=10, shares=10)
    broken_commits(monkeypatch, 1)
    world.ledger.close_trade(trade.id, exit_price=11, exit_reason="time_exit")
    assert list(world.stats().values()) == [(Decimal(10), 1, 1)]


def test_a_commit_whose_fate_is_unknown_says_so_and_may_be_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = IdempotencyKey("executor", "signal-17")
    broken_commits(monkeypatch, 2)
    with pytest.raises(OutcomeUnknown, match="Send the same request again, with the same Idempotency-Key"):
        reserve(world, once=once)
    assert reserve(world, once=once).status is TradeStatus.OPEN
    assert world.count_trades() == 1


def test_a_request_that_was_refused_may_come_again_under_its_key(world: World) -> None:
    once = IdempotencyKey("executor", "signal-17")
    world.do("pause")
    with pytest.raises(GateClosed):
        reserve(world, once=once)
    world.do("resume")
    assert reserve(world, once=once).status is TradeStatus.OPEN
