"""What an operator decides about a trade: each action, and the one that undoes it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest

from bot.trading.ledger import Ledger
from tests.bot.commands.settling import (
    FakeWorld,
    agrees,
    bought,
    minutes_ago,
    must_be_told,
    refused,
    settle,
    settled,
    stats,
    today,
    trade_of,
)


@pytest.fixture
def world(fake_world: FakeWorld) -> FakeWorld:
    return fake_world


def test_adjust_sets_what_is_held_and_is_undone_by_another_adjust(world: FakeWorld) -> None:
    trade = bought(world, shares=100, price="0.80")
    world.paper.position("AAPL", 10, 8)
    assert not agrees(world)
    command = settled(world, "adjust", tradeId=trade, shares=10, entryPrice=8)
    event = must_be_told(world, trade, "adjusted", command)
    assert (event["before"]["shares"], event["after"]["shares"]) == ("100", "10")
    assert (event["before"]["entryPrice"], event["after"]["entryPrice"]) == ("0.8", "8")
    assert agrees(world)
    assert "holds 10 shares at 8 already" in refused(world, "adjust", tradeId=trade, shares=10)

    settled(world, "adjust", tradeId=trade, shares=100, entryPrice="0.8")
    assert (trade_of(world, trade)["shares"], trade_of(world, trade)["entry_price"]) == (100, Decimal("0.8"))
    assert "is long, and stays so" in refused(world, "adjust", tradeId=trade, shares=-100)


@pytest.mark.parametrize("status", ["missed", "void"])
def test_only_an_open_trade_is_adjusted(world: FakeWorld, status: str) -> None:
    trade = bought(world, status=status)
    assert f"is {status}: only an open one is adjusted" in refused(world, "adjust", tradeId=trade, shares=7)


def test_an_open_trade_is_not_reopened_although_the_broker_holds_more(world: FakeWorld) -> None:
    trade = bought(world, shares=5)
    world.paper.position("AAPL", 10)
    assert not agrees(world)
    assert f"Trade {trade} is open" in refused(world, "reopen", tradeId=trade)


def test_b8_a_reverse_split_is_adjusted_and_the_close_earns_five_dollars(world: FakeWorld) -> None:
    trade = bought(world, shares=100, price="0.80")
    world.paper.position("AAPL", 10, 8)
    assert not agrees(world)
    settled(world, "adjust", tradeId=trade, shares=10, entryPrice=8)
    assert agrees(world)
    Ledger(world.database, world.settings).close_trade(trade, exit_price="8.50", exit_reason="profit_target")
    assert trade_of(world, trade)["pnl"] == Decimal("5.00")
    assert stats(world) == {(today(world), "paper"): (Decimal("5.00"), 1, 1)}


def test_b5_a_part_that_was_sold_by_hand_is_adjusted_or_closed(world: FakeWorld) -> None:
    adjusted, closed = bought(world, "AAPL", 100, 10), bought(world, "MSFT", 100, 10)
    world.paper.holds(AAPL=60, MSFT=60)
    assert not agrees(world)
    settled(world, "adjust", tradeId=adjusted, shares=60)
    settled(world, "close", tradeId=closed, shares=40, exitPrice="10.50")
    assert agrees(world)
    assert trade_of(world, adjusted)["shares"] == 60
    part = trade_of(world, closed)
    assert (part["status"], part["shares"], part["exited_shares"], part["pnl"]) == ("open", 100, 40, None)
    assert stats(world) == {(today(world), "paper"): (Decimal("20.00"), 0, 0)}

    settled(world, "close", tradeId=closed, exitPrice=11)
    assert trade_of(world, closed)["pnl"] == Decimal(80)
    assert stats(world) == {(today(world), "paper"): (Decimal(80), 1, 1)}


def test_b5_a_part_that_the_fills_show_is_booked_without_a_settlement(world: FakeWorld) -> None:
    trade = bought(world, shares=100, price=10)
    world.paper.position("AAPL", 60, 10)
    world.paper.fill(world.paper.order("new", "AAPL", 40, side="sell"), 40, "10.50", minutes_ago(1.5))
    assert agrees(world)
    assert trade_of(world, trade)["exited_shares"] == 40
    assert stats(world) == {(today(world), "paper"): (Decimal(20), 0, 0)}


def test_close_books_price_and_time_and_reopen_takes_it_back(world: FakeWorld) -> None:
    entered = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
    trade = bought(world, shares=-10, price="10.25", entry_at=entered)
    command = settled(world, "close", tradeId=trade, exitPrice="9.99", exitAt="2026-11-24T15:00:00-05:00")
    row = trade_of(world, trade)
    assert (row["status"], row["exit_price"], row["pnl"]) == ("closed", Decimal("9.99"), Decimal("2.60"))
    assert row["exit_at"] == datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
    assert row["exit_reason"] == "reconciled_exit"
    assert stats(world) == {(row["exit_at"].date(), "paper"): (Decimal("2.60"), 1, 0)}
    event = must_be_told(world, trade, "closed", command)
    assert (event["after"]["exit"]["price"], event["after"]["exit"]["source"]) == ("9.99", "settlement")

    assert "closed. To correct how it ended, use PATCH" in refused(world, "close", tradeId=trade, exitPrice=9)
    agrees(world)
    assert "no position for trade" in refused(world, "reopen", tradeId=trade)
    world.paper.position("AAPL", -10, "10.25")
    agrees(world)
    command = settled(world, "reopen", tradeId=trade)
    must_be_told(world, trade, "exit_removed", command)
    row = trade_of(world, trade)
    assert (row["status"], row["exit_price"], row["pnl"], row["exited_shares"]) == ("open", None, None, 0)
    assert stats(world) == {}
    assert agrees(world)


def test_reopen_takes_back_only_the_exits_that_operators_gave(world: FakeWorld) -> None:
    trade = bought(world, shares=100, price=10)
    Ledger(world.database, world.settings).record_exit(trade, shares=40, exit_price="11")
    settled(world, "close", tradeId=trade, exitPrice=1)
    assert stats(world)[today(world), "paper"] == (Decimal(40 - 540), 1, 1)
    world.paper.position("AAPL", 60, 10)
    agrees(world)
    settled(world, "reopen", tradeId=trade)
    assert (trade_of(world, trade)["status"], trade_of(world, trade)["exited_shares"]) == ("open", 40)
    assert stats(world)[today(world), "paper"] == (Decimal(40), 0, 0)
    assert agrees(world)


@pytest.mark.parametrize("when", ["2026-01-01T00:00:00Z", "2999-01-01T00:00:00Z"])
def test_an_exit_before_the_entry_or_in_the_future_is_no_exit(world: FakeWorld, when: str) -> None:
    trade = bought(world)
    command = settle(world, "close", tradeId=trade, exitPrice=10, exitAt=when)
    assert (command.error_code, list((command.error_details or {})["fields"])) == ("validation", ["exitAt"])
    assert world.status_of(trade) == "open"


def test_an_exit_may_be_at_the_very_time_of_the_entry(world: FakeWorld) -> None:
    trade = bought(world)
    at = trade_of(world, trade)["entry_at"]
    settled(world, "close", tradeId=trade, exitPrice=10, exitAt=at.isoformat())
    assert (world.status_of(trade), trade_of(world, trade)["exit_at"]) == ("closed", at)


def test_write_off_and_reopen_undo_each_other(world: FakeWorld) -> None:
    trade = bought(world, exit_reason="hard_stop")
    command = settled(world, "write_off", tradeId=trade)
    row = trade_of(world, trade)
    assert (row["status"], row["exit_reason"], row["pnl"]) == ("missed", "reconciled_missing", None)
    assert row["acknowledged_at"] is not None, "whoever writes it off knows that it has no result"
    assert "Marked before: hard_stop" in row["note"]
    must_be_told(world, trade, "acknowledged", command)
    assert agrees(world)
    assert "no position" in refused(world, "reopen", tradeId=trade)
    refused(world, "write_off", tradeId=trade)

    world.paper.position("AAPL", 10)
    assert not agrees(world)
    settled(world, "reopen", tradeId=trade)
    row = trade_of(world, trade)
    assert (row["status"], row["acknowledged_at"], row["exit_reason"]) == ("open", None, None)
    assert agrees(world)


def test_a_mistaken_close_or_void_is_taken_back_by_write_off_while_the_position_is_gone(
    world: FakeWorld,
) -> None:
    closed, void, sold = bought(world), bought(world, "MSFT"), bought(world, "TSLA")
    Ledger(world.database, world.settings).close_trade(sold, exit_price="12", exit_reason="time_exit")
    before = stats(world)
    settled(world, "close", tradeId=closed, exitPrice="333")
    settled(world, "void", tradeId=void)
    for trade in (closed, void):
        settled(world, "write_off", tradeId=trade)
        row = trade_of(world, trade)
        assert (row["status"], row["filled"], row["exited_shares"], row["pnl"]) == ("missed", True, 0, None)
    assert stats(world) == before
    assert "PATCH" in refused(world, "write_off", tradeId=sold)


def test_a_missed_trade_is_closed_with_its_result_and_then_counts(world: FakeWorld) -> None:
    trade = bought(world, status="missed", exit_reason="reconciled_missing")
    settled(world, "close", tradeId=trade, exitPrice="11.26")
    row = trade_of(world, trade)
    assert (row["status"], row["exit_reason"], row["pnl"]) == ("closed", "reconciled_exit", Decimal("10.10"))
    assert stats(world) == {(today(world), "paper"): (Decimal("10.10"), 1, 1)}


def test_acknowledge_ends_an_unsettled_trade_and_a_reopen_or_a_close_ends_that(world: FakeWorld) -> None:
    trade = bought(world, status="missed", exit_reason="reconciled_missing")
    command = settled(world, "acknowledge", tradeId=trade)
    event = must_be_told(world, trade, "acknowledged", command)
    assert event["before"]["acknowledgedAt"] is None
    assert world.status_of(trade) == "missed"
    assert "acknowledged already" in refused(world, "acknowledge", tradeId=trade)
    world.paper.position("AAPL", 10)
    agrees(world)
    settled(world, "reopen", tradeId=trade)
    assert trade_of(world, trade)["acknowledged_at"] is None
    assert "is open, not missed" in refused(world, "acknowledge", tradeId=trade)


def test_a_reopened_trade_of_which_a_part_was_sold_has_that_part_booked(world: FakeWorld) -> None:
    trade = bought(world, shares=100, price=10, status="missed", exit_reason="reconciled_missing")
    world.paper.position("AAPL", 60, 10)
    world.paper.fill(world.paper.order("new", "AAPL", 40, side="sell"), 40, 11, minutes_ago(1.5))
    assert not agrees(world)
    settled(world, "reopen", tradeId=trade)
    assert agrees(world)
    assert trade_of(world, trade)["exited_shares"] == 40
    assert stats(world) == {(today(world), "paper"): (Decimal(40), 0, 0)}


def test_a_void_is_no_void_where_an_exit_is_booked_and_is_not_done_twice(world: FakeWorld) -> None:
    trade = bought(world, shares=100)
    settled(world, "close", tradeId=trade, shares=40, exitPrice=11)
    assert "cannot be void" in refused(world, "void", tradeId=trade)
    other = bought(world, "MSFT", filled=False)
    settled(world, "void", tradeId=other)
    assert "void already" in refused(world, "void", tradeId=other)
    assert "not known to have filled" in refused(world, "close", tradeId=other, exitPrice=10)


def test_b18_a_mistyped_exit_is_corrected_by_the_difference(world: FakeWorld) -> None:
    trade = bought(world, price="3.00")
    settled(world, "close", tradeId=trade, exitPrice=333)
    assert stats(world)[today(world), "paper"] == (Decimal(3300), 1, 1)
    Ledger(world.database, world.settings).correct_trade(
        trade, exit_price="3.33", reason="a point was missing"
    )
    assert trade_of(world, trade)["pnl"] == Decimal("3.30")
    assert stats(world) == {(today(world), "paper"): (Decimal("3.30"), 1, 1)}


def test_a_live_trade_counts_in_live_and_is_not_opened_again_in_paper(world: FakeWorld) -> None:
    trade = bought(world, mode="live")
    settled(world, "close", tradeId=trade, exitPrice="11.25")
    assert stats(world) == {(today(world), "live"): (Decimal(10), 1, 1)}
    world.paper.position("AAPL", 10)
    agrees(world)
    assert "was opened in live mode" in refused(world, "reopen", tradeId=trade)


def test_a_trade_that_is_not_there_is_named(world: FakeWorld) -> None:
    trade = uuid4()
    for action in ("adjust", "close", "void", "write_off", "reopen", "acknowledge"):
        more = {"adjust": {"shares": 1}, "close": {"exitPrice": 1}}.get(action, {})
        assert f"There is no trade {trade}" in refused(world, action, tradeId=trade, **more)
