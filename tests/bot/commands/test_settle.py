"""What an operator decides about differences and trades: each action, and the one that undoes it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from bot.alerts.messages import sentence
from bot.market_hours import trading_date
from bot.models import AlertKind, BotCommand, Trigger
from bot.states import BotState, CommandKind, CommandStatus, Mode
from bot.trading.ledger import Ledger
from tests.bot.fake_account import FakeAccount
from tests.bot.world import ACTOR, World

FakeWorld = World[FakeAccount]
WHY = "seen in the broker's dashboard"


@pytest.fixture
def world(fake_world: FakeWorld) -> FakeWorld:
    return fake_world


def settle(world: World[Any], action: str, reason: str | None = WHY, **params: Any) -> BotCommand:
    params = {name: str(value) if isinstance(value, UUID) else value for name, value in params.items()}
    return world.do(CommandKind.SETTLE, params={"action": action, **params}, reason=reason)


def settled(world: World[Any], action: str, **params: Any) -> BotCommand:
    command = settle(world, action, **params)
    assert command.status is CommandStatus.APPLIED, command.error
    return command


def refused(world: World[Any], action: str, **params: Any) -> str:
    """The sentence with which it is refused as nothing to settle; not a row of the books differs."""
    before = books(world)
    command = settle(world, action, **params)
    assert (command.status, command.error_code) == (CommandStatus.REJECTED, "nothing_to_settle"), (
        command.error
    )
    assert books(world) == before
    assert command.error is not None
    return command.error


def books(world: World[Any]) -> list[Any]:
    tables = ("bot_trade", "bot_trade_exit", "bot_trade_event", "bot_daily_stats", "bot_ignored_position")
    return [world.sql(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]


def trade_of(world: World[Any], trade_id: UUID) -> dict[str, Any]:
    return world.trades()[trade_id]


def bought(
    world: World[Any], symbol: str = "AAPL", shares: Any = 10, price: Any = "10.25", **more: Any
) -> UUID:
    """An open paper trade whose fill is recorded."""
    row = {"mode": "paper", "entry_price": Decimal(str(price)), **more}
    return world.trade(symbol, shares, **row)


def stats(world: World[Any]) -> dict[tuple[Any, str], tuple[Decimal, int, int]]:
    rows = world.sql("SELECT * FROM bot_daily_stats ORDER BY date, mode")
    return {
        (row["date"], row["mode"]): (row["realized_pnl"], row["trade_count"], row["day_trade_count"])
        for row in rows
        if row["realized_pnl"] or row["trade_count"]
    }


def last_event(world: World[Any], trade_id: UUID) -> dict[str, Any]:
    return world.sql(
        "SELECT * FROM bot_trade_event WHERE trade_id = %s ORDER BY id DESC LIMIT 1", [trade_id]
    )[0]


def must_be_told(world: World[Any], trade_id: UUID, kind: str, command: BotCommand) -> dict[str, Any]:
    """The trade's last event, which names who settled what by which command, and why."""
    event = last_event(world, trade_id)
    assert (event["kind"], event["actor"], event["reason"], event["command_id"]) == (
        kind,
        ACTOR,
        WHY,
        command.id,
    )
    return event


def today(world: World[Any]) -> Any:
    return trading_date(world.database.now())


def agrees(world: World[Any], trigger: Trigger = Trigger.SETTLE) -> bool:
    report = world.reconcile(trigger)
    assert report.outcome == "ok", report.error
    return not report.differences


# -- positions ------------------------------------------------------------------------------------------------


def test_adopt_makes_an_open_trade_of_what_the_broker_holds_and_void_takes_it_back(world: FakeWorld) -> None:
    world.paper.position("RIOT", 35, "4.125")
    assert not agrees(world, Trigger.STARTUP)

    command = settled(world, "adopt", symbol="RIOT")
    trade = trade_of(world, command.id)
    assert (trade["symbol"], trade["shares"], trade["entry_price"]) == ("RIOT", 35, Decimal("4.125"))
    assert (trade["status"], trade["mode"], trade["filled"]) == ("open", "paper", True)
    assert trade["asset_id"] == world.paper.positions["RIOT"]["asset_id"]
    assert f"Settled (adopt) by {ACTOR}: {WHY}" in trade["note"]
    event = must_be_told(world, command.id, "adopted", command)
    assert (event["after"]["shares"], event["after"]["entryPrice"]) == ("35", "4.125")
    assert agrees(world)
    assert world.reconciled()

    void = settled(world, "void", tradeId=command.id)
    assert world.status_of(command.id) == "void"
    must_be_told(world, command.id, "voided", void)
    assert stats(world) == {}
    assert not agrees(world)
    settled(world, "reopen", tradeId=command.id)
    assert (world.status_of(command.id), trade_of(world, command.id)["filled"]) == ("open", True)
    assert agrees(world)


def test_a_settlement_is_told_with_what_was_settled_by_whom_and_why_and_a_rejected_one_is_not(
    world: FakeWorld,
) -> None:
    trade = bought(world)
    refused(world, "acknowledge", tradeId=trade)
    settled(world, "void", tradeId=trade)
    [told] = world.sql("SELECT facts FROM bot_alert WHERE kind = 'settled'")
    said = sentence(AlertKind.SETTLED, told["facts"])
    assert f"Settled by {ACTOR}" in said
    assert WHY in said
    assert f"void {trade}" in said


def test_adopt_takes_what_the_open_trades_do_not_hold_at_the_price_that_it_had(world: FakeWorld) -> None:
    bought(world, shares=10, price=10)
    world.paper.position("AAPL", 30, 12)  # 10 at 10 and 20 at 13
    assert not agrees(world)
    assert "20 can be adopted, not 21" in refused(world, "adopt", symbol="AAPL", shares=21)
    assert "not -5" in refused(world, "adopt", symbol="AAPL", shares=-5)

    part = settled(world, "adopt", symbol="AAPL", shares="5", entryPrice="13.5")
    rest = settled(world, "adopt", symbol="AAPL")
    first, second = trade_of(world, part.id), trade_of(world, rest.id)
    assert (first["shares"], first["entry_price"]) == (5, Decimal("13.5"))
    assert (second["shares"], second["entry_price"]) == (
        15,
        (360 - 100 - Decimal("67.5")).quantize(Decimal("1.0")) / 15,
    ) or (second["shares"] == 15 and abs(second["entry_price"] * 15 - Decimal("192.5")) < Decimal("1e-9"))
    assert agrees(world)
    assert "nothing to adopt" in refused(world, "adopt", symbol="AAPL")


def test_a_short_position_is_adopted_as_a_short_trade(world: FakeWorld) -> None:
    world.paper.position("RIOT", -7, "20")
    assert not agrees(world)
    command = settled(world, "adopt", symbol="RIOT")
    assert trade_of(world, command.id)["shares"] == -7
    assert agrees(world)


def test_nothing_of_the_other_side_is_adopted_or_ignored_beside_an_open_trade(world: FakeWorld) -> None:
    bought(world, shares=10)
    world.paper.position("AAPL", -5)
    assert not agrees(world)
    assert "Alpaca holds -5 shares of AAPL and the open trades 10" in refused(world, "adopt", symbol="AAPL")
    refused(world, "ignore", symbol="AAPL")


def test_b12_ignore_lets_a_leftover_be_and_watch_ends_that(world: FakeWorld) -> None:
    world.paper.position("BTCUSD", "0.000000001", 90000)
    assert not agrees(world, Trigger.STARTUP)
    assert not world.reconciled()

    command = settled(world, "ignore", symbol="BTCUSD")
    [row] = world.sql("SELECT * FROM bot_ignored_position")
    assert (row["symbol"], row["shares"], row["mode"]) == ("BTCUSD", Decimal("0.000000001"), "paper")
    assert (row["actor"], row["reason"], row["command_id"]) == (ACTOR, WHY, command.id)
    assert agrees(world)
    assert world.reconciled()
    assert "ignored already" in refused(world, "ignore", symbol="BTCUSD")

    settled(world, "watch", symbol="BTCUSD")
    assert not agrees(world)
    assert "not ignored in paper mode" in refused(world, "watch", symbol="BTCUSD")


def test_an_ignored_position_ends_when_its_quantity_changes(world: FakeWorld) -> None:
    world.paper.position("BTC/USD", "0.5", 90000)
    agrees(world)
    settled(world, "ignore", symbol="BTC/USD", shares="0.5")
    assert agrees(world)
    world.paper.position("BTC/USD", "0.6", 90000)
    assert not agrees(world)
    assert world.sql("SELECT * FROM bot_ignored_position") == []
    assert "0.6 can be ignored, not 0.5" in refused(world, "ignore", symbol="BTC/USD", shares="0.5")


def test_a_short_leftover_is_ignored(world: FakeWorld) -> None:
    world.paper.position("RIOT", -7, "20")
    assert not agrees(world)
    settled(world, "ignore", symbol="RIOT")
    assert agrees(world)


def test_an_ignored_position_stays_ignored_under_the_new_symbol_of_its_asset(world: FakeWorld) -> None:
    world.paper.position("FB", 4)
    assert not agrees(world)
    settled(world, "ignore", symbol="FB")
    world.paper.positions["META"] = {**world.paper.positions.pop("FB"), "symbol": "META"}
    assert agrees(world)


def test_what_is_ignored_is_not_adopted_and_what_is_absent_is_not_ignored(world: FakeWorld) -> None:
    world.paper.position("TSLA", 4)
    bought(world, "AAPL")
    agrees(world)
    settled(world, "ignore", symbol="TSLA")
    assert "4 being ignored: there is nothing to adopt" in refused(world, "adopt", symbol="TSLA")
    assert "nothing to ignore" in refused(world, "ignore", symbol="AAPL")


def test_positions_are_not_settled_by_an_old_reading_but_watch_needs_none(world: FakeWorld) -> None:
    assert "not read within the last ten minutes" in refused(world, "adopt", symbol="RIOT")
    world.paper.position("RIOT", 35)
    agrees(world)
    settled(world, "ignore", symbol="RIOT")
    world.sql("UPDATE bot_broker_reading SET read_at = now() - interval '11 minutes'")
    assert "Reconcile first" in refused(world, "adopt", symbol="RIOT")
    settled(world, "watch", symbol="RIOT")


def test_what_was_exited_since_the_last_reading_is_not_taken_for_a_leftover(world: FakeWorld) -> None:
    trade = bought(world)
    world.paper.position("AAPL", 10, "10.25")
    assert agrees(world)
    Ledger(world.database, world.settings).close_trade(trade, exit_price="11", exit_reason="time_exit")
    for action in ("adopt", "ignore"):
        assert "exited since Alpaca was last read" in refused(world, action, symbol="AAPL")
    refused(world, "reopen", tradeId=trade)


# -- trades ---------------------------------------------------------------------------------------------------


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


# -- the request ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "fields"),
    [
        ({}, {"action"}),
        ({"action": "sell"}, {"action"}),
        ({"action": "adopt"}, {"symbol"}),
        ({"action": "adopt", "symbol": "aapl"}, {"symbol"}),
        ({"action": "adopt", "symbol": "AAPL", "tradeId": str(uuid4())}, {"tradeId"}),
        ({"action": "close", "tradeId": "17"}, {"tradeId"}),
        ({"action": "close"}, {"tradeId", "exitPrice"}),
        ({"action": "adjust", "tradeId": str(uuid4())}, {"shares", "entryPrice"}),
        ({"action": "adjust", "tradeId": str(uuid4()), "shares": 0}, {"shares"}),
        ({"action": "adjust", "tradeId": str(uuid4()), "entryPrice": "1e999999"}, {"entryPrice"}),
        ({"action": "void", "tradeId": str(uuid4()), "shares": 1}, {"shares"}),
        ({"action": "watch", "symbol": "AAPL", "colour": "red"}, {"colour"}),
    ],
)
def test_each_wrong_field_is_named(world: FakeWorld, params: dict[str, Any], fields: set[str]) -> None:
    command = world.do(CommandKind.SETTLE, params=params, reason=WHY)
    assert (command.status, command.error_code) == (CommandStatus.REJECTED, "validation")
    assert set((command.error_details or {})["fields"]) == fields
    assert all(field in (command.error or "") for field in fields)


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_a_settlement_needs_a_reason(world: FakeWorld, reason: str | None) -> None:
    trade = bought(world)
    command = settle(world, "write_off", reason, tradeId=trade)
    assert (command.error_code, list((command.error_details or {})["fields"])) == ("validation", ["reason"])
    assert world.status_of(trade) == "open"


def test_an_id_that_a_trade_has_keeps_no_command_from_its_end(world: FakeWorld) -> None:
    world.paper.position("RIOT", 35)
    trade = bought(world)
    agrees(world)
    world.insert_command("settle", {"action": "adopt", "symbol": "RIOT"}, id=trade, reason=WHY)
    world.controller.apply()
    command = world.command(trade)
    assert (command.status, command.error_code) == (CommandStatus.REJECTED, "nothing_to_settle")
    assert list(world.trades()) == [trade]


# -- the bot and its gate -------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(BotState))
def test_a_settlement_needs_no_stop_and_changes_no_state(world: FakeWorld, state: BotState) -> None:
    world.set_config(state=state, enabled=state is not BotState.STOPPED)
    before = world.config.revision
    command = settled(world, "write_off", tradeId=bought(world))
    assert (command.from_state, command.to_state, world.config.state) == (state, state, state)
    assert command.revision == world.config.revision == before + 1


def test_a_settlement_is_possible_while_the_kill_latch_is_on(world: FakeWorld) -> None:
    world.do(CommandKind.KILL, reason="wild fills")
    settled(world, "write_off", tradeId=bought(world))
    assert world.config.killed


def test_the_next_reconciliation_is_due_at_once_is_called_settle_and_opens_the_gate(world: FakeWorld) -> None:
    world.paper.position("RIOT", 35)
    assert not agrees(world, Trigger.STARTUP)
    assert not world.reconciled()
    assert world.controller.claim_reconciliation() is None, "the next attempt is not due yet"

    settled(world, "adopt", symbol="RIOT")
    assert not world.reconciled(), "a settlement alone opens no gate"
    assert world.retry_in_sec() <= 0
    trigger = world.controller.claim_reconciliation()
    assert trigger is Trigger.SETTLE
    world.controller.conclude(world.gather(), trigger)
    assert world.reports()[-1]["trigger"] == "settle"
    assert world.reconciled()


def test_an_attempt_that_began_before_the_settlement_does_not_decide_about_the_gate(world: FakeWorld) -> None:
    trade = bought(world)
    world.paper.position("AAPL", 10)
    before = world.gather()
    settled(world, "adjust", tradeId=trade, shares=7)
    world.controller.conclude(before, Trigger.PERIODIC)
    assert not world.reconciled()
    assert world.retry_in_sec() <= 0, "the attempt that the settlement asked for is still to come"
    assert not agrees(world)
    assert not world.reconciled()


def test_a_refused_settlement_asks_for_no_attempt(world: FakeWorld) -> None:
    assert agrees(world)
    refused(world, "acknowledge", tradeId=bought(world))
    assert world.retry_in_sec() > 0


def test_the_sandbox_and_the_mode_of_the_moment_are_what_counts(make_world: Callable[..., World]) -> None:
    world = make_world(live=True)
    world.paper.holds(RIOT=35)
    assert world.live is not None
    world.live.holds()
    assert not agrees(world, Trigger.STARTUP)
    settled(world, "ignore", symbol="RIOT")
    assert agrees(world)
    world.set_config(mode=Mode.LIVE)
    assert "not ignored in live mode" in refused(world, "watch", symbol="RIOT")
    assert "not read within" in refused(world, "adopt", symbol="RIOT")


def minutes_ago(minutes: float) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)
