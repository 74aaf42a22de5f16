"""Days on which the symbol of an asset changed, each with the end that is right."""

from __future__ import annotations

from uuid import uuid4

from bot.models import Trigger
from tests.bot.fake_holdings import asset_id
from tests.bot.reconciliation.cases import Fake, bought, running, sold


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
