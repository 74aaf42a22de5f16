"""Days on which the books and the broker came apart, each with the end that is right."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from bot.errors import TradeConflict
from bot.ledger import Ledger
from bot.models import Outcome, Trigger
from bot.reconciliation.local import MOST_CLOSED, read_closed
from bot.states import CommandKind
from tests.bot.fake_holdings import asset_id
from tests.bot.reconciliation.cases import Fake, bought, reasons, running, sold


def test_an_empty_list_with_a_full_account_touches_nothing(fake_world: Fake) -> None:
    trades = [bought(fake_world, "AAPL", 10), bought(fake_world, "MSFT", 5)]
    running(fake_world)
    fake_world.paper.account(long_market_value="1500")
    fake_world.paper.holds()
    report = fake_world.reconcile_twice(Trigger.MANUAL)
    assert (report.outcome, report.error_code) == (Outcome.FAILED, "broker_inconsistent")
    assert {fake_world.status_of(trade) for trade in trades} == {"open"}
    assert fake_world.suspects() == []


def test_a_sale_by_hand_is_booked_by_the_next_periodic_attempt(fake_world: Fake) -> None:
    trade = bought(fake_world)
    running(fake_world)
    assert 58 < fake_world.retry_in_sec() <= 60
    sold(fake_world, "AAPL", 100, "101.5")
    fake_world.paper.holds()
    fake_world.sql("UPDATE bot_config SET reconcile_due_at = clock_timestamp()")
    trigger = fake_world.controller.claim_reconciliation()
    assert trigger is Trigger.PERIODIC
    report = fake_world.reconcile(trigger)
    row = fake_world.trades()[trade]
    assert (row["status"], row["exit_reason"]) == ("closed", "reconciled_exit")
    assert (row["exit_price"], row["pnl"]) == (Decimal("101.5"), 150)
    assert (report.booked, report.differences) == (1, [])
    assert reasons(fake_world) == set()


def test_an_exit_whose_program_died_counts_for_the_daily_loss(fake_world: Fake) -> None:
    trade = bought(fake_world, exit_reason="hard_stop")
    running(fake_world)
    order = sold(fake_world, "AAPL", 100, 90, client_order_id=f"{trade}-exit-1")
    fake_world.paper.holds()
    fake_world.reconcile(Trigger.PERIODIC)
    row = fake_world.trades()[trade]
    assert (row["status"], row["exit_price"], row["pnl"]) == ("closed", 90, -1000)
    assert (row["exit_reason"], row["alpaca_exit_order_id"]) == ("hard_stop", order)
    (exit_,) = fake_world.exits(trade)
    assert (exit_["source"], exit_["fill_id"]) == ("reconciliation", fake_world.paper.fills[-1]["id"])
    assert fake_world.sql("SELECT mode, realized_pnl, trade_count FROM bot_daily_stats") == [
        {"mode": "paper", "realized_pnl": Decimal(-1000), "trade_count": 1}
    ]
    assert reasons(fake_world) == {"daily_loss"}
    assert fake_world.events(trade)[-1]["kind"] == "closed"


def test_an_order_whose_id_was_never_recorded_is_found_by_the_trades_name(fake_world: Fake) -> None:
    trade = fake_world.trade("AAPL", 10, filled=False)
    order = fake_world.paper.order("new", "AAPL", 10, client_order_id=str(trade), at=fake_world.ago(110))
    report = fake_world.reconcile_twice()
    assert (report.in_flight, report.missed, report.differences) == (1, 0, [])
    fake_world.paper.fill(order, 10, "10.5")
    fake_world.paper.holds(AAPL=10)
    assert fake_world.reconcile().corrected == 1
    row = fake_world.trades()[trade]
    assert (row["status"], row["filled"], row["entry_price"], row["alpaca_order_id"]) == (
        "open",
        True,
        Decimal("10.5"),
        order,
    )


def test_a_part_that_was_sold_by_hand_is_booked(fake_world: Fake) -> None:
    trade = bought(fake_world)
    sold(fake_world, "AAPL", 40, 110)
    fake_world.paper.position("AAPL", 60, 100)
    report = fake_world.reconcile()
    row = fake_world.trades()[trade]
    assert (row["status"], row["shares"], row["exited_shares"], row["pnl"]) == ("open", 100, 40, None)
    assert (report.booked, report.matched, report.differences) == (1, 1, [])
    assert fake_world.reconcile().booked == 0


def test_an_entry_that_was_replaced_in_the_dashboard_is_one_trade_with_its_fill(fake_world: Fake) -> None:
    trade = fake_world.trade("AAPL", 10, filled=False)
    first = fake_world.paper.order("new", "AAPL", 10, client_order_id=str(trade), at=fake_world.ago(110))
    fake_world.sql("UPDATE bot_trade SET alpaca_order_id = %s", [first])
    second = fake_world.paper.replace(first)
    assert fake_world.reconcile().in_flight == 1
    fake_world.paper.fill(second, 10, "9.75", fake_world.ago(70))
    fake_world.paper.holds(AAPL=10)
    report = fake_world.reconcile()
    row = fake_world.trades()[trade]
    assert (row["filled"], row["entry_price"], row["alpaca_order_id"]) == (True, Decimal("9.75"), second)
    assert (report.corrected, report.matched, report.differences) == (1, 1, [])
    assert len(fake_world.trades()) == 1


@pytest.mark.parametrize("named", ["first", "second"])
def test_an_executor_that_names_any_order_of_the_chain_reports_the_same_trade(
    fake_world: Fake, named: str
) -> None:
    trade = fake_world.trade("AAPL", 10, filled=False)
    ledger = Ledger(fake_world.database, fake_world.settings)
    first = fake_world.paper.order("new", "AAPL", 10, client_order_id=str(trade), at=fake_world.ago(110))
    ledger.record_entry(trade, alpaca_order_id=first)
    second = fake_world.paper.replace(first)
    fake_world.paper.fill(second, 10, "9.75", fake_world.ago(70))
    fake_world.paper.holds(AAPL=10)
    assert fake_world.reconcile().corrected == 1
    order = {"first": first, "second": second}[named]

    fill: dict[str, Any] = {"alpaca_order_id": order, "entry_price": "9.75", "shares": 10}
    assert ledger.record_entry(trade, **fill).shares == 10
    assert ledger.open_trade(symbol="AAPL", **fill).id == trade

    row = fake_world.trades()[trade]
    assert (row["alpaca_order_id"], row["entry_price"]) == (second, Decimal("9.75"))
    assert len(fake_world.trades()) == 1
    with pytest.raises(TradeConflict, match=f"Order {order} belongs to trade {trade}"):
        ledger.record_entry(fake_world.trade("AAPL", 10, filled=False), **fill)


def test_an_order_id_that_is_none_at_alpaca_is_no_such_order(fake_world: Fake) -> None:
    other = bought(fake_world, "MSFT", 5)
    trade = fake_world.trade("AAPL", 10, alpaca_order_id="my-order-1")
    report = fake_world.reconcile_twice()
    assert (report.outcome, report.missed, report.matched) == (Outcome.OK, 1, 1)
    assert (fake_world.status_of(trade), fake_world.status_of(other)) == ("missed", "open")


def test_a_bust_of_an_entry_makes_it_void_once_the_position_is_gone(fake_world: Fake) -> None:
    trade = bought(fake_world)
    running(fake_world)
    fake_world.paper.bust(str(fake_world.trades()[trade]["alpaca_order_id"]))
    fake_world.paper.holds()
    assert fake_world.reconcile(Trigger.PERIODIC).voided == 1
    assert fake_world.status_of(trade) == "void"


def test_a_split_is_a_difference_to_settle(fake_world: Fake) -> None:
    trade = bought(fake_world)
    running(fake_world)
    fake_world.paper.position("AAPL", 10, 1000)
    before = fake_world.trades()
    (difference,) = fake_world.reconcile_twice(Trigger.PERIODIC).differences
    assert (difference["kind"], difference["here"], difference["there"]) == ("quantity", "100", "10")
    assert difference["tradeIds"] == [str(trade)]
    assert fake_world.trades() == before


def test_a_sale_soon_after_a_settlement_is_booked_and_is_not_taken_for_the_settlement(
    fake_world: Fake,
) -> None:
    trade = bought(fake_world, "AAPL", 4)
    running(fake_world)
    fake_world.paper.holds(AAPL=1)
    assert fake_world.reconcile().differences
    params = {"action": "close", "tradeId": str(trade), "exitPrice": "90", "shares": "3"}
    assert fake_world.do(CommandKind.SETTLE, params=params, reason="busted").status == "applied"
    sold(fake_world, "AAPL", 1, 110, seconds_ago=0)
    fake_world.paper.holds()
    report = fake_world.reconcile()
    assert (report.booked, report.differences) == (1, [])
    assert fake_world.trades()[trade]["status"] == "closed"
    assert [(each["shares"], each["price"]) for each in fake_world.exits(trade)] == [(3, 90), (1, 110)]


def test_closed_trades_are_looked_at_again_of_each_asset_in_turn(fake_world: Fake) -> None:
    for symbol, count, ago in (("AAPL", 2, 3000), ("MSFT", 2 * MOST_CLOSED, 1000)):
        for number in range(count):
            at = fake_world.ago(ago + number)
            trade = fake_world.trade(symbol, 1, entry_at=at, created_at=at)
            fake_world.sql(
                "UPDATE bot_trade SET status = 'closed', exit_at = entry_at, asset_id = %s WHERE id = %s",
                [asset_id(symbol), trade],
            )
    since = fake_world.ago(10_000)
    found = fake_world.database.read(lambda session: read_closed(session, ["AAPL", "MSFT"], since))
    assert [each.symbol for each in found[:5]] == ["MSFT", "AAPL", "MSFT", "AAPL", "MSFT"]
    assert len(found) == MOST_CLOSED
    of_one = [each.entry_at for each in found if each.symbol == "MSFT"]
    assert of_one == sorted(of_one, reverse=True), "the newest first"


def test_what_opened_a_trade_of_the_other_side_is_not_taken_for_an_exit(fake_world: Fake) -> None:
    """A long trade that was closed at once, and a short one within the minute, which somebody buys back."""
    before = bought(fake_world, "AAPL", 50, 90)
    ended = sold(fake_world, "AAPL", 50, 91, seconds_ago=110)
    fill: dict[str, Any] = {
        "shares": 50,
        "exit_price": 91,
        "exit_at": fake_world.ago(110),
        "exit_reason": "time_exit",
    }
    Ledger(fake_world.database, fake_world.settings).record_exit(before, alpaca_exit_order_id=ended, **fill)
    trade_id = uuid4()
    order = sold(fake_world, "AAPL", 50, 92, seconds_ago=100, client_order_id=str(trade_id))
    at = fake_world.ago(100)
    trade = fake_world.trade("AAPL", -50, id=trade_id, entry_price=92, alpaca_order_id=order, entry_at=at)
    cover = fake_world.paper.order("new", "AAPL", 50, at=fake_world.ago(70))
    fake_world.paper.fill(cover, 50, 80, fake_world.ago(70))
    fake_world.paper.holds()
    report = fake_world.reconcile()
    assert (report.booked, report.differences) == (1, [])
    assert [(each["shares"], each["price"]) for each in fake_world.exits(trade)] == [(-50, 80)]
