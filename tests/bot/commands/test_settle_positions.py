"""What an operator decides about a position that no trade explains: adopt it, or ignore it until it is watched again."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot.models import Trigger
from bot.trading.ledger import Ledger
from tests.bot.commands.settling import (
    WHY,
    FakeWorld,
    agrees,
    bought,
    must_be_told,
    refused,
    settled,
    stats,
    trade_of,
)
from tests.bot.world import ACTOR


@pytest.fixture
def world(fake_world: FakeWorld) -> FakeWorld:
    return fake_world


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
