"""Days on which the books and the broker came apart, each with the end that is right."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import pytest

from bot import market_hours
from bot.alerts.conditions import CLOCKS_MAY_DIFFER, ConditionMonitor
from bot.errors import TradeConflict
from bot.ledger import Ledger
from bot.models import Outcome, Trigger
from bot.reconciliation.local import MOST_CLOSED, read_closed
from bot.settings.types import MarketHours
from bot.states import CommandKind
from bot.status import gate, heartbeat
from bot.status.snapshot import snapshot
from tests.bot.fake_account import FakeAccount, asset_id
from tests.bot.world import World

Fake = World[FakeAccount]


def reasons(world: Fake) -> set[str]:
    return set(gate.judge(world.database.batched(snapshot), world.settings).reasons)


def bought(world: Fake, symbol: str = "AAPL", shares: int = 100, price: Any = 100, **columns: Any) -> UUID:
    """A trade whose entry filled two minutes ago, with its order, its fill and its position."""
    trade_id = columns.pop("id", uuid4())
    at = world.ago(120)
    order = world.paper.order("new", symbol, shares, at=at, client_order_id=str(trade_id))
    world.paper.fill(order, shares, price, at)
    world.paper.position(symbol, shares, price)
    return world.trade(
        symbol,
        shares,
        id=trade_id,
        entry_price=Decimal(price),
        alpaca_order_id=order,
        mode="paper",
        **columns,
    )


def sold(world: Fake, symbol: str, shares: int, price: Any, *, seconds_ago: float = 90, **fields: Any) -> str:
    """An order that sold; the position is what the test says."""
    at = world.ago(seconds_ago)
    order = world.paper.order("new", symbol, shares, side="sell", at=at, **fields)
    world.paper.fill(order, shares, price, at)
    return order


def running(world: Fake) -> None:
    world.do(CommandKind.START)
    world.database.batched(lambda batch: heartbeat.beat(batch, "worker-1"))
    assert world.reconcile().outcome is Outcome.OK
    assert reasons(world) == set()


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


def test_the_brokers_clock_closes_the_gate_and_an_alert_says_that_the_calendar_disagrees(
    fake_world: Fake,
) -> None:
    running(fake_world)
    nyse = fake_world.settings.model_copy(update={"market_hours": MarketHours.NYSE})
    monitor = ConditionMonitor(fake_world.database, nyse)
    for by_calendar, kind in ((True, "clocks_disagree"), (False, "clocks_agree")):
        fake_world.paper.clock(is_open=False)
        fake_world.reconcile()
        assert reasons(fake_world) == {"market_closed"}
        with patch.object(market_hours, "is_open", lambda *_, answer=by_calendar: answer):
            monitor.check()
            told = fake_world.sql("SELECT 1 FROM bot_alert WHERE kind = 'clocks_disagree'")
            assert by_calendar is not bool(told), "not within the first seconds"
            fake_world.sql("UPDATE bot_condition SET since = since - %s", [CLOCKS_MAY_DIFFER])
            monitor.check()
        alerts = fake_world.sql("SELECT facts FROM bot_alert WHERE kind = %s", [kind])
        assert [alert["facts"]["brokerOpen"] for alert in alerts] == [False]


def test_a_calendar_that_is_set_aside_disagrees_with_nobody(fake_world: Fake) -> None:
    running(fake_world)
    with patch.object(market_hours, "is_open", lambda *_: False):
        ConditionMonitor(fake_world.database, fake_world.settings).check()
    assert fake_world.sql("SELECT 1 FROM bot_condition WHERE name = 'clocks_disagree'") == []


@pytest.mark.parametrize("status", ["INACTIVE", "ACCOUNT_CLOSED", "ONBOARDING"])
def test_an_account_that_is_not_active_closes_the_gate_and_is_named(fake_world: Fake, status: str) -> None:
    running(fake_world)
    fake_world.paper.account(status=status)
    report = fake_world.reconcile(Trigger.PERIODIC)
    assert (report.outcome, report.error_code) == (Outcome.FAILED, "account_blocked")
    assert status in (report.error or "")
    assert reasons(fake_world) == {"not_reconciled"}


def test_a_leftover_that_is_ignored_keeps_the_gate_open_until_its_quantity_changes(fake_world: Fake) -> None:
    fake_world.paper.holds(BTCUSD="0.000000001")
    assert fake_world.reconcile().differences
    fake_world.sql(
        "INSERT INTO bot_ignored_position (mode, symbol, shares, actor) VALUES ('paper', 'BTCUSD', 0.000000001, 'a')"
    )
    assert fake_world.reconcile().differences == []
    assert fake_world.reconciled()
    fake_world.paper.holds(BTCUSD="0.5")
    assert fake_world.reconcile().differences
    assert not fake_world.reconciled()
    assert fake_world.sql("SELECT 1 FROM bot_ignored_position") == []


def test_a_half_filled_sale_that_is_still_at_it_is_in_order(fake_world: Fake) -> None:
    bought(fake_world)
    running(fake_world)
    order = fake_world.paper.order("new", "AAPL", 100, side="sell")
    fake_world.paper.fill(order, 40, 101)
    fake_world.paper.position("AAPL", 60, 100)
    assert fake_world.reconcile(Trigger.PERIODIC).differences == []
    assert reasons(fake_world) == set()


def test_a_difference_is_told_once_for_each_symbol(fake_world: Fake) -> None:
    running(fake_world)

    def alerts() -> list[list[str]]:
        rows = fake_world.sql(
            "SELECT facts FROM bot_alert WHERE kind = 'reconciliation_differs' ORDER BY seq"
        )
        return [[each["symbol"] for each in row["facts"]["differences"]] for row in rows]

    fake_world.paper.holds(TSLA=3)
    for _ in range(2):
        fake_world.reconcile()
    assert alerts() == [["TSLA"]]
    fake_world.paper.holds(TSLA=3, AAPL=1000)
    for _ in range(2):
        fake_world.reconcile()
    assert alerts() == [["TSLA"], ["AAPL", "TSLA"]]


def test_an_open_loss_closes_the_gate_where_it_counts(fake_world: Fake) -> None:
    bought(fake_world)
    running(fake_world)
    fake_world.paper.position("AAPL", 100, 100, current=90)
    fake_world.reconcile(Trigger.PERIODIC)
    assert reasons(fake_world) == {"daily_loss"}
    fake_world.set_config(count_open_loss=False)
    assert reasons(fake_world) == set()


def test_a_bust_of_an_entry_makes_it_void_once_the_position_is_gone(fake_world: Fake) -> None:
    trade = bought(fake_world)
    running(fake_world)
    fake_world.paper.bust(str(fake_world.trades()[trade]["alpaca_order_id"]))
    fake_world.paper.holds()
    assert fake_world.reconcile(Trigger.PERIODIC).voided == 1
    assert fake_world.status_of(trade) == "void"


def test_a_symbol_change_loses_nothing(fake_world: Fake) -> None:
    trade = bought(fake_world, "FB", 10)
    running(fake_world)
    row = fake_world.paper.positions.pop("FB")
    fake_world.paper.positions["META"] = {**row, "symbol": "META"}
    report = fake_world.reconcile(Trigger.PERIODIC)
    assert (report.matched, report.differences) == (1, [])
    assert fake_world.trades()[trade]["symbol"] == "META"
    assert fake_world.events(trade)[-1]["kind"] == "renamed"


def test_a_sale_under_a_new_symbol_that_no_reading_has_seen_is_booked(fake_world: Fake) -> None:
    trade = bought(fake_world, "FB", 10)
    running(fake_world)
    fake_world.paper.renamed[asset_id("FB")] = "META"
    fake_world.paper.holds()
    sold(fake_world, "META", 10, 110, asset_id=asset_id("FB"))
    report = fake_world.reconcile(Trigger.PERIODIC)
    row = fake_world.trades()[trade]
    assert (report.booked, report.missed, report.differences) == (1, 0, [])
    assert (row["status"], row["exit_price"], row["exit_reason"]) == ("closed", 110, "reconciled_exit")


def test_a_sale_under_the_old_symbol_is_booked_when_its_fill_is_listed_after_the_change(
    fake_world: Fake,
) -> None:
    trade = bought(fake_world, "FB", 10)
    running(fake_world)
    row = fake_world.paper.positions.pop("FB")
    fake_world.paper.positions["META"] = {**row, "symbol": "META", "qty": "6", "qty_available": "6"}
    fake_world.reconcile(Trigger.PERIODIC)
    assert fake_world.trades()[trade]["symbol"] == "META"
    sold(fake_world, "FB", 4, 110)
    report = fake_world.reconcile(Trigger.PERIODIC)
    assert (report.booked, report.matched, report.differences) == (1, 1, [])
    assert fake_world.trades()[trade]["exited_shares"] == 4


def test_a_sale_of_another_asset_that_took_over_a_symbol_ends_no_trade(fake_world: Fake) -> None:
    trade = bought(fake_world, "FB", 10)
    running(fake_world)
    fake_world.paper.renamed[asset_id("FB")] = "META"
    fake_world.paper.holds()
    sold(fake_world, "FB", 10, 3, asset_id=str(uuid4()))
    report = fake_world.reconcile_twice()
    assert (report.booked, report.missed) == (0, 1)
    assert fake_world.status_of(trade) == "missed"


def test_a_sale_that_is_booked_to_a_trade_of_the_old_symbol_does_not_end_one_of_the_new_symbol(
    fake_world: Fake,
) -> None:
    first = bought(fake_world, "FB", 4)
    running(fake_world)
    fake_world.paper.renamed[asset_id("FB")] = "META"
    fake_world.paper.holds()
    sold(fake_world, "META", 4, 110, asset_id=asset_id("FB"))
    fake_world.reconcile(Trigger.PERIODIC)
    second = bought(fake_world, "META", 10)
    fake_world.paper.position("META", 7, 100, asset_id=asset_id("FB"))
    sold(fake_world, "META", 3, 120, seconds_ago=70, asset_id=asset_id("FB"))
    report = fake_world.reconcile(Trigger.PERIODIC)
    assert (report.booked, report.differences) == (1, [])
    rows = fake_world.trades()
    assert (rows[first]["symbol"], rows[first]["status"]) == ("FB", "closed")
    assert (rows[second]["symbol"], rows[second]["exited_shares"]) == ("META", 3)


def test_when_all_is_sold_after_a_symbol_change_each_sale_ends_one_trade(fake_world: Fake) -> None:
    first = bought(fake_world, "FB", 4)
    running(fake_world)
    fake_world.paper.renamed[asset_id("FB")] = "META"
    second = bought(fake_world, "META", 3)
    fake_world.paper.holds()
    sold(fake_world, "META", 4, 110, asset_id=asset_id("FB"))
    sold(fake_world, "META", 3, 120, seconds_ago=70, asset_id=asset_id("FB"))
    report = fake_world.reconcile(Trigger.PERIODIC)
    assert (report.booked, report.differences) == (2, [])
    rows = fake_world.trades()
    assert (rows[first]["exit_price"], rows[second]["exit_price"]) == (110, 120)


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


def test_a_sale_under_a_symbol_between_two_changes_is_booked(fake_world: Fake) -> None:
    trade = bought(fake_world, "FB", 10)
    running(fake_world)
    asset = asset_id("FB")
    fake_world.paper.renamed[asset] = "META"
    fake_world.paper.holds()
    fake_world.paper.position("META", 6, 100, asset_id=asset)
    sold(fake_world, "MVRS", 4, 110, asset_id=asset)
    sold(fake_world, "TSLA", 4, 90)
    report = fake_world.reconcile(Trigger.PERIODIC)
    assert (report.booked, report.differences) == (1, [])
    assert [(each["shares"], each["price"]) for each in fake_world.exits(trade)] == [(4, 110)]


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
