"""The life of a trade in the ledger until its exit, step by step: opened, entered, or withdrawn."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.errors import GateClosed, TradeConflict
from bot.models import TradeStatus
from bot.states import Mode
from tests.bot.ledger_world import ORDER, World
from tests.bot.trading.circumstances import IN_EVERY_STATE, WROTE_OFF, reserve

# -- opening --------------------------------------------------------------------------------------------------


def test_a_trade_is_opened_with_all_that_is_known_of_it(world: World) -> None:
    at = world.database.now() - timedelta(minutes=3)
    trade = world.ledger.open_trade(
        symbol="BRK.B",
        shares="-2.5",
        entry_price=Decimal("431.20"),
        alpaca_order_id=ORDER[1],
        entry_at=at,
        catalyst_type="earnings",
        catalyst_tier=2,
        note="the first",
    )
    kept = world.trade(trade)
    assert (kept.symbol, kept.shares, kept.entry_price) == ("BRK.B", Decimal("-2.5"), Decimal("431.20"))
    assert (kept.catalyst_type, kept.catalyst_tier, kept.note) == ("earnings", 2, "the first")
    assert (kept.status, kept.mode, kept.filled) == (TradeStatus.OPEN, Mode.PAPER, True)
    assert (kept.alpaca_order_id, kept.entry_at) == (ORDER[1], at)
    assert (kept.exit_price, kept.exit_at, kept.pnl, kept.exit_reason) == (None, None, None, None)


def test_times_that_are_not_given_are_the_databases(world: World) -> None:
    before = world.database.now()
    trade = world.open_filled()
    closed = world.ledger.close_trade(trade.id, exit_price=11, exit_reason="profit_target")
    after = world.database.now()
    assert closed.exit_at is not None
    assert before <= trade.entry_at <= closed.exit_at <= after
    assert before <= trade.created_at <= after


def test_a_closed_gate_refuses_with_every_reason_and_inserts_nothing(world: World) -> None:
    world.do("kill")
    world.age_worker(timedelta(minutes=1))
    with pytest.raises(GateClosed) as refused:
        reserve(world)
    assert refused.value.reasons == ("disabled", "killed", "not_running", "worker_offline")
    assert refused.value.details == {
        "reasons": ["disabled", "killed", "not_running", "worker_offline"],
    }
    assert "killed" in str(refused.value)
    assert world.count_trades() == 0


def test_a_paused_bot_opens_nothing(world: World) -> None:
    world.do("pause")
    with pytest.raises(GateClosed, match="not_running"):
        reserve(world)


def test_a_reservation_takes_a_place_before_its_order_is_sent(world: World) -> None:
    world.do("update_config", maxConcurrentPositions=1)
    trade = reserve(world)
    assert (trade.status, trade.filled, trade.alpaca_order_id) == (TradeStatus.OPEN, False, None)
    with pytest.raises(GateClosed, match="max_positions"):
        reserve(world)


# -- the entry ------------------------------------------------------------------------------------------------


def test_an_order_is_attached_first_and_its_fill_recorded_when_it_is_finished(world: World) -> None:
    trade = reserve(world)
    sent = world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1])
    assert (sent.alpaca_order_id, sent.filled, sent.entry_price) == (ORDER[1], False, Decimal("10.00"))
    at = world.database.now()
    filled = world.ledger.record_entry(
        trade.id, alpaca_order_id=ORDER[1], entry_price="10.03", shares=7, entry_at=at
    )
    assert (filled.filled, filled.entry_price, filled.shares) == (True, Decimal("10.03"), Decimal(7))
    assert (filled.entry_at, filled.note) == (at, None)


@IN_EVERY_STATE
def test_a_fill_is_recorded_though_the_gate_closed_after_its_order_was_sent(world: World, halt: str) -> None:
    trade = reserve(world)
    world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1])
    world.do(halt)
    filled = world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price=10, shares=10)
    assert (filled.status, filled.filled) == (TradeStatus.OPEN, True)


def test_a_fill_that_is_recorded_twice_changes_nothing(world: World) -> None:
    trade = reserve(world)
    fill: dict[str, Any] = {"alpaca_order_id": ORDER[1], "entry_price": "10.1", "shares": 10}
    first = world.ledger.record_entry(trade.id, **fill)
    again = world.ledger.record_entry(trade.id, **fill)
    assert (again.updated_at, again.entry_at) == (first.updated_at, first.entry_at)


def test_a_fill_of_more_shares_replaces_the_one_before(world: World) -> None:
    trade = reserve(world)
    world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price="10.10", shares=4)
    more = world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price="10.12", shares=10)
    assert (more.shares, more.entry_price) == (Decimal(10), Decimal("10.12"))


@pytest.mark.parametrize("sign", [1, -1])
def test_an_earlier_fill_that_is_delivered_late_changes_nothing(world: World, sign: int) -> None:
    trade = reserve(world, shares=10 * sign)
    fills = [(4, "10.10"), (10, "10.12"), (4, "10.10")]
    _, full, late = [
        world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price=price, shares=shares * sign)
        for shares, price in fills
    ]
    assert (late.shares, late.entry_price) == (Decimal(10 * sign), Decimal("10.12"))
    assert (late.updated_at, late.note) == (full.updated_at, full.note)


def test_a_fill_of_fewer_shares_that_was_never_reported_is_an_error_that_names_the_way_out(
    world: World,
) -> None:
    trade = world.open_filled(shares=100, alpaca_order_id=ORDER[1])
    for shares, price in ((60, 10), (100, "10.01")):
        with pytest.raises(
            TradeConflict,
            match=rf"is recorded with 100 shares at 10, not {shares} at {price}.*settle it with adjust",
        ) as refused:
            world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price=price, shares=shares)
        assert refused.value.details == {"tradeId": str(trade.id)}
    kept = world.trade(trade)
    assert (kept.shares, kept.entry_price) == (Decimal(100), Decimal(10))


def test_what_an_operator_adjusted_is_not_replaced_by_a_fill_of_before(world: World) -> None:
    trade = world.open_filled(shares=100, entry_price="0.80", alpaca_order_id=ORDER[1])
    world.sql(
        "UPDATE bot_trade SET shares = 10, entry_price = 8, adjusted_at = now() WHERE id = :id", id=trade.id
    )
    again = world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price="0.80", shares=100)
    assert (again.shares, again.entry_price) == (Decimal(10), Decimal(8))
    with pytest.raises(TradeConflict, match="settle it with adjust"):
        world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price="0.80", shares=120)
    closed = world.ledger.close_trade(trade.id, exit_price="8.50", exit_reason="profit_target")
    assert closed.pnl == 5


def test_a_trade_keeps_the_order_that_filled_and_its_side(world: World) -> None:
    trade = reserve(world)
    world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price=10, shares=5)
    with pytest.raises(TradeConflict, match=f"is recorded with order {ORDER[1]}, not {ORDER[2]}"):
        world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[2])
    with pytest.raises(TradeConflict, match="is long, but its fill is short"):
        world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price=10, shares=-10)


@pytest.mark.parametrize("fill", [{}, {"entry_price": 10, "shares": 10}])
def test_an_order_that_replaced_one_of_which_nothing_filled_takes_its_place(
    world: World, fill: dict[str, Any]
) -> None:
    trade = reserve(world)
    world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1])
    replaced = world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[2], **fill)
    assert (replaced.alpaca_order_id, replaced.filled) == (ORDER[2], bool(fill))
    told = world.events(trade.id)[2]
    assert (told.kind, told.before["alpacaOrderId"], told.after["alpacaOrderId"]) == (
        "entry_recorded",
        ORDER[1],
        ORDER[2],
    )


def test_an_order_belongs_to_one_trade(world: World) -> None:
    first = world.open_filled(alpaca_order_id=ORDER[1])
    second = reserve(world)
    with pytest.raises(TradeConflict, match=f"Order {ORDER[1]} belongs to trade {first.id}"):
        world.ledger.record_entry(second.id, alpaca_order_id=ORDER[1])


@pytest.mark.parametrize("fill", [{}, {"entry_price": 10, "shares": 10}])
def test_a_reservation_that_was_written_off_is_open_again_when_its_order_becomes_known(
    world: World, fill: dict[str, Any]
) -> None:
    trade = reserve(world)
    world.sql(WROTE_OFF, id=trade.id)
    back = world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], **fill)
    assert (back.status, back.exit_reason, back.filled) == (TradeStatus.OPEN, None, bool(fill))
    assert back.note == "Was missed until its order became known; open again."


def test_a_void_trade_is_open_again_when_its_order_filled_after_all(world: World) -> None:
    trade = reserve(world)
    world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1])
    world.ledger.void_trade(trade.id)
    late = world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1])
    assert late.status is TradeStatus.VOID, "a message that comes late is no news"
    filled = world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price=10, shares=10)
    assert (filled.status, filled.filled) == (TradeStatus.OPEN, True)


def test_a_trade_of_the_other_account_does_not_come_back(world: World) -> None:
    trade = reserve(world)
    world.sql(WROTE_OFF, id=trade.id)
    world.sql("UPDATE bot_config SET mode = 'live'")
    with pytest.raises(TradeConflict, match="was opened in paper mode, and the bot is in live mode now"):
        world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price=10, shares=10)


def test_a_trade_that_was_written_off_after_its_fill_stays_written_off(world: World) -> None:
    trade = world.open_filled(alpaca_order_id=ORDER[1])
    world.sql(WROTE_OFF, id=trade.id)
    same = world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price="10", shares=10)
    assert same.status is TradeStatus.MISSED
    with pytest.raises(TradeConflict, match="is missed"):
        world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1], entry_price="11", shares=10)


# -- withdrawing ----------------------------------------------------------------------------------------------


@IN_EVERY_STATE
def test_a_trade_whose_order_never_filled_is_withdrawn_in_every_state(world: World, halt: str) -> None:
    trade = reserve(world)
    world.ledger.record_entry(trade.id, alpaca_order_id=ORDER[1])
    world.do(halt)
    void = world.ledger.void_trade(trade.id, note="canceled at the broker")
    assert (void.status, void.note, void.pnl) == (TradeStatus.VOID, "canceled at the broker", None)
    assert world.stats() == {}
    assert world.ledger.void_trade(trade.id).note == "canceled at the broker"


def test_a_reservation_that_was_written_off_can_be_withdrawn(world: World) -> None:
    trade = reserve(world)
    world.sql(WROTE_OFF, id=trade.id)
    void = world.ledger.void_trade(trade.id)
    assert (void.status, void.exit_reason) == (TradeStatus.VOID, None)


def test_a_trade_that_filled_cannot_be_withdrawn(world: World) -> None:
    trade = world.open_filled()
    with pytest.raises(TradeConflict, match="cannot be void: close it"):
        world.ledger.void_trade(trade.id)
