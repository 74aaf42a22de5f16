"""The close of a trade in the ledger: in every state of the bot, once, and only of what filled."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from bot.errors import InvalidParams, TradeConflict, TradeNotFound
from bot.models import ExitReason, TradeStatus
from tests.bot.ledger_world import EXIT, World
from tests.bot.trading.circumstances import IN_EVERY_STATE, WROTE_OFF, reserve


@IN_EVERY_STATE
def test_an_exit_is_recorded_in_every_state(world: World, halt: str) -> None:
    trade = world.open_filled()
    world.do(halt)
    closed = world.ledger.close_trade(trade.id, exit_price=11, exit_reason="force_close")
    assert (closed.status, closed.pnl) == (TradeStatus.CLOSED, Decimal(10))


def test_the_exit_reason_can_be_marked_before_and_is_not_forgotten(world: World) -> None:
    trade = world.open_filled()
    world.ledger.mark_exit_reason(trade.id, "hard_stop")
    marked = world.ledger.mark_exit_reason(trade.id, ExitReason.TRAILING_STOP)
    assert (marked.status, marked.exit_reason) == (TradeStatus.OPEN, ExitReason.TRAILING_STOP)
    closed = world.ledger.close_trade(trade.id, exit_price=11)
    assert closed.exit_reason is ExitReason.TRAILING_STOP
    assert world.ledger.mark_exit_reason(trade.id, "trailing_stop").status is TradeStatus.CLOSED
    with pytest.raises(TradeConflict, match="its exit reason stays as it is"):
        world.ledger.mark_exit_reason(trade.id, "time_exit")


def test_a_close_without_any_reason_is_refused(world: World) -> None:
    trade = world.open_filled()
    with pytest.raises(InvalidParams, match="exitReason: is needed; one of trailing_stop, hard_stop,"):
        world.ledger.close_trade(trade.id, exit_price=11)
    assert world.trade(trade).status is TradeStatus.OPEN


def test_a_second_close_with_the_same_data_gives_the_same_trade(world: World) -> None:
    trade = world.open_filled()
    exit_: dict[str, Any] = {
        "exit_price": "11.50",
        "exit_reason": "profit_target",
        "exit_at": world.database.now(),
        "alpaca_exit_order_id": EXIT[1],
    }
    first = world.ledger.close_trade(trade.id, **exit_)
    again = world.ledger.close_trade(trade.id, **{**exit_, "exit_price": "11.5000"})
    assert (again.id, again.updated_at) == (first.id, first.updated_at)
    assert list(world.stats().values()) == [(Decimal("15.00"), 1, 1)]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"exit_price": "11.51"}, "exitPrice"),
        ({"exit_reason": "time_exit"}, "exitReason"),
        ({"alpaca_exit_order_id": EXIT[2]}, "alpacaExitOrderId"),
        ({"exit_at": datetime(2026, 1, 5, tzinfo=UTC)}, "exitAt"),
    ],
)
def test_a_second_close_with_other_data_is_an_error(world: World, change: dict[str, Any], field: str) -> None:
    trade = world.open_filled()
    exit_: dict[str, Any] = {
        "exit_price": "11.50",
        "exit_reason": "profit_target",
        "alpaca_exit_order_id": EXIT[1],
    }
    world.ledger.close_trade(trade.id, **exit_)
    with pytest.raises(TradeConflict, match=f"another {field}; nothing was changed") as refused:
        world.ledger.close_trade(trade.id, **{**exit_, **change})
    assert refused.value.details == {"tradeId": str(trade.id), "fields": [field]}
    assert list(world.stats().values()) == [(Decimal("15.00"), 1, 1)]


def test_an_exit_order_belongs_to_one_trade(world: World) -> None:
    first, second = world.open_filled(), world.open_filled()
    exit_: dict[str, Any] = {"exit_price": "11", "exit_reason": "time_exit", "alpaca_exit_order_id": EXIT[1]}
    world.ledger.close_trade(first.id, **exit_)
    with pytest.raises(TradeConflict, match=f"Order {EXIT[1]} belongs to trade {first.id}"):
        world.ledger.close_trade(second.id, **exit_)
    with pytest.raises(TradeConflict, match=f"Order {EXIT[1]} belongs to trade {first.id}"):
        world.ledger.record_exit(second.id, shares=1, **exit_)


def test_a_trade_whose_entry_is_not_known_to_have_filled_cannot_be_closed(world: World) -> None:
    trade = reserve(world)
    with pytest.raises(TradeConflict, match="is not known to have filled: record it first"):
        world.ledger.close_trade(trade.id, exit_price=11, exit_reason="time_exit")
    world.ledger.void_trade(trade.id)
    with pytest.raises(TradeConflict, match="is not known to have filled"):
        world.ledger.close_trade(trade.id, exit_price=11, exit_reason="time_exit")


def test_the_true_exit_of_a_trade_that_was_written_off_can_be_recorded_later(world: World) -> None:
    trade = world.open_filled(note="a note")
    world.sql(WROTE_OFF, id=trade.id)
    closed = world.ledger.close_trade(
        trade.id, exit_price="9", exit_reason="hard_stop", note="sold by hand at the broker"
    )
    assert (closed.status, closed.pnl, closed.exit_reason) == (
        TradeStatus.CLOSED,
        Decimal(-10),
        ExitReason.HARD_STOP,
    )
    assert closed.note == (
        "a note\nWas written off as reconciled_missing_on_startup; its exit became known later.\n"
        "sold by hand at the broker"
    )
    assert list(world.stats().values()) == [(Decimal(-10), 1, 1)]


def test_what_was_written_off_keeps_that_reason_if_no_other_is_given(world: World) -> None:
    trade = world.open_filled()
    world.sql(WROTE_OFF, id=trade.id)
    closed = world.ledger.close_trade(trade.id, exit_price="9")
    assert closed.exit_reason is ExitReason.RECONCILED_MISSING_ON_STARTUP


def test_a_trade_that_does_not_exist_is_named(world: World) -> None:
    nobody = uuid4()
    with pytest.raises(TradeNotFound, match=f"There is no trade {nobody}"):
        world.ledger.close_trade(nobody, exit_price=11, exit_reason="time_exit")
