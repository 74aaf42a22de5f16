"""What an order that works at the broker explains, and what it does not."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from bot.models import Outcome, Trigger
from tests.bot.reconciliation.reports import difference, differences, filled_long_ago
from tests.bot.world import World

WORKING = [
    *(
        "new",
        "accepted",
        "pending_new",
        "partially_filled",
        "held",
        "accepted_for_bidding",
        "pending_replace",
    ),
    *("pending_cancel", "calculated", "stopped", "done_for_day", "suspended", "pending_review"),
]


@pytest.mark.parametrize("status", WORKING)
def test_a_trade_whose_order_still_works_is_in_flight(world: World, status: str) -> None:
    trade = world.trade("TSLA", alpaca_order_id=world.paper.order(status, "TSLA"))
    report = world.reconcile()
    assert (report.in_flight, report.missed, report.matched, report.differences) == (1, 0, 0, [])
    assert world.status_of(trade) == "open"
    assert world.reconciled(), "what is on its way agrees"


@pytest.mark.parametrize("status", ["filled", None])
def test_a_trade_whose_order_filled_or_is_unknown_is_missed(world: World, status: str | None) -> None:
    order = str(uuid4()) if status is None else filled_long_ago(world, "TSLA")
    trade = world.trade("TSLA", alpaca_order_id=order)
    assert world.reconcile_twice().missed == 1
    assert world.status_of(trade) == "missed"


@pytest.mark.parametrize("filled", [True, False])
@pytest.mark.parametrize("status", ["canceled", "expired", "rejected"])
def test_a_trade_whose_order_ended_with_nothing_filled_is_void(
    world: World, status: str, filled: bool
) -> None:
    trade = world.trade("TSLA", alpaca_order_id=world.paper.order(status, "TSLA"), filled=filled)
    report = world.reconcile()
    assert (report.voided, report.missed, report.differences) == (1, 0, [])
    row = world.trades()[trade]
    assert (row["status"], row["exit_reason"], row["filled"]) == ("void", None, False)
    assert row["note"] == "Alpaca finished its entry order with nothing filled."
    assert [event["kind"] for event in world.events(trade)] == ["voided"]
    assert world.reconciled()


def test_a_replaced_order_whose_successor_is_not_to_be_found_says_nothing(world: World) -> None:
    trade = world.trade("TSLA", alpaca_order_id=world.paper.order("replaced", "TSLA"))
    before = world.trades()
    report = world.reconcile_twice()
    assert (report.outcome, report.missed, report.in_flight) == (Outcome.OK, 0, 1)
    assert world.trades() == before
    assert world.status_of(trade) == "open"


@pytest.mark.parametrize(
    ("shares", "filled_now", "filled"),
    [(10, 1, 4), (10, 1, 10), (10, 1, 0), (10, 4, 4), (-10, 1, -4), ("0.5", "0.1", "0.25")],
)
def test_a_partial_fill_of_a_working_order_is_no_difference(
    world: World, shares: Any, filled_now: Any, filled: Any
) -> None:
    side = "sell" if str(shares).startswith("-") else "buy"
    order = world.paper.order(
        "partially_filled", "TSLA", abs(Decimal(shares)), filled_qty=filled_now, side=side
    )
    world.trade("TSLA", shares, alpaca_order_id=order)
    world.paper.holds_all({"TSLA": filled} if filled else {})
    report = world.reconcile()
    assert report.differences == []
    assert (report.in_flight or 0) + (report.matched or 0) == 1
    assert world.reconciled()


@pytest.mark.parametrize(
    ("there", "kind"), [(12, "quantity"), (-1, "side"), (-10, "side"), ("10.000000001", "quantity")]
)
def test_what_a_working_order_cannot_explain_is_a_difference(world: World, there: Any, kind: str) -> None:
    world.trade("TSLA", 10, alpaca_order_id=world.paper.order("partially_filled", "TSLA", 10, filled_qty=1))
    world.paper.holds(TSLA=there)
    report = world.reconcile()
    assert differences(report) == [difference("TSLA", kind, 10, there)]
    assert not world.reconciled()


@pytest.mark.parametrize(
    ("there", "is_explained"), [(10, True), (13, True), (15, True), (9, False), (16, False)]
)
def test_a_working_order_explains_its_own_shares_only(world: World, there: int, is_explained: bool) -> None:
    world.trade("TSLA", 10, alpaca_order_id=filled_long_ago(world, "TSLA"))
    world.trade("TSLA", 5, alpaca_order_id=world.paper.order("new", "TSLA", 5))
    world.paper.holds(TSLA=there)
    report = world.reconcile()
    assert report.missed == 0
    assert (report.differences == []) is is_explained


def test_of_two_trades_without_a_position_only_the_one_whose_order_works_survives(world: World) -> None:
    gone = world.trade("TSLA", 10, alpaca_order_id=filled_long_ago(world, "TSLA"))
    coming = world.trade("TSLA", 5, alpaca_order_id=world.paper.order("new", "TSLA", 5))
    report = world.reconcile_twice()
    assert (report.missed, report.in_flight, report.differences) == (1, 1, [])
    assert (world.status_of(gone), world.status_of(coming)) == ("missed", "open")


@pytest.mark.parametrize(("age_sec", "outcome"), [(1, "open"), (50, "open"), (70, "missed")])
def test_a_reservation_without_an_order_has_a_minute(world: World, age_sec: int, outcome: str) -> None:
    created = world.database.now() - timedelta(seconds=age_sec)
    trade = world.trade("TSLA", filled=False, created_at=created)
    report = world.reconcile_twice()
    assert world.status_of(trade) == outcome
    assert (report.in_flight, report.missed) == ((1, 0) if outcome == "open" else (0, 1))
    assert world.reconciled()


@pytest.mark.parametrize("working_at", [0, 500, 749])
def test_many_orders_are_looked_up_in_the_list_over_all_its_pages(world: World, working_at: int) -> None:
    orders = [world.paper.order("new", "HELD") for _ in range(750)]
    trades = [world.trade(f"S{n}", alpaca_order_id=filled_long_ago(world, f"S{n}")) for n in range(30)]
    coming = world.trade("COMING", alpaca_order_id=orders[working_at])
    report = world.reconcile_twice()
    assert (report.missed, report.in_flight, report.differences) == (30, 1, [])
    assert world.status_of(coming) == "open"
    assert {world.status_of(trade) for trade in trades} == {"missed"}
    calls = world.paper.calls()
    attempt = [
        *("/v2/account", "/v2/clock", "/v2/positions"),
        *["/v2/orders"] * 4,  # two pages of those that work, two of all
        "/v2/account/activities/FILL",
    ]
    assert calls == attempt * 2


def test_of_many_orders_that_no_list_names_some_are_asked_for_and_the_rest_is_not_written_off(
    world: World,
) -> None:
    trades = [world.trade(f"S{n:02}", alpaca_order_id=str(uuid4())) for n in range(25)]
    report = world.reconcile_twice()
    assert (report.missed, report.suspect) == (10, 15)
    assert not world.reconciled()
    for _ in range(2):
        world.sql("DELETE FROM bot_reconciliation")  # a minute goes by: there are requests left again
        world.age_suspects()
        assert world.reconcile(Trigger.RETRY).outcome is Outcome.OK
    assert {world.status_of(trade) for trade in trades} == {"missed"}
