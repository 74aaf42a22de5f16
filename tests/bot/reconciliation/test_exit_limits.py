"""Which sales at the broker end which trades: each case here tells the rule from its neighbour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.broker.readings import Fill, Order
from bot.reconciliation.judgement import Verdict, judge
from bot.reconciliation.local import LAG, BookedExit, LocalTrade
from tests.bot.reconciliation.books import (
    FRESH,
    NOW,
    OLD,
    booked,
    comparison,
    dec,
    fill,
    judged,
    order,
    record,
    told,
    trade,
)

SIDES = pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])
SECOND = timedelta(seconds=1)


def ended(verdict: Verdict) -> list[Any]:
    return [(each.trade.id, each.shares) for each in verdict.exits]


# -- a minute's lag ---------------------------------------------------------------------------------------------


@SIDES
@pytest.mark.parametrize(
    ("at", "recorded_at", "lags"),
    [(FRESH, OLD, True), (OLD, FRESH, True), (NOW - LAG, NOW - LAG, False), (OLD, OLD, False)],
)
def test_a_position_may_lag_an_exit_for_a_minute_of_its_own_time_or_of_its_booking(
    side: int, at: datetime, recorded_at: datetime, lags: bool
) -> None:
    ours = trade(100 * side, exited=100 * side)
    exits = [booked(ours, 100 * side, at=at, created_at=recorded_at)]
    assert (judged([], 60 * side, exits=exits).differences == []) is lags


@SIDES
@pytest.mark.parametrize(("at", "lags"), [(FRESH, True), (NOW - LAG, False)])
def test_a_position_may_lag_all_sales_of_the_last_minute_and_no_others(
    side: int, at: datetime, lags: bool
) -> None:
    sales = [fill(order(-20 * side), at=at) for _ in range(2)]
    verdict = judged([trade(100 * side)], 95 * side, fills=sales)
    assert told(verdict) == ([] if lags else [("quantity", f"{100 * side}", f"{95 * side}")])
    assert len(verdict.exits) == (2 if lags else 0)


@SIDES
@pytest.mark.parametrize(("at", "is_left"), [(FRESH, True), (NOW - LAG, False)])
def test_what_a_working_order_sold_is_left_to_its_program_for_a_minute(
    side: int, at: datetime, is_left: bool
) -> None:
    ours = trade(100 * side)
    sale = order(-100 * side, 40, "partially_filled", at=at)
    fills = [fill(sale, 20, at=at), fill(sale, 20, at=at)]
    verdict = judged([ours], 60 * side, orders=[sale], fills=fills)
    assert (ended(verdict), told(verdict)) == ([] if is_left else [(ours.id, 20 * side)] * 2, [])


@SIDES
def test_a_trade_that_a_working_order_sold_a_part_of_is_suspect_if_all_of_it_is_gone(side: int) -> None:
    ours = trade(100 * side)
    sale = order(-100 * side, 40, "partially_filled", at=FRESH)
    verdict = judged([ours], 0, orders=[sale], fills=[fill(sale, at=FRESH)])
    assert told(verdict) == [("suspect", f"{100 * side}", "0")]


@SIDES
def test_what_a_working_order_sells_comes_off_the_trades_in_their_order(side: int) -> None:
    first, second, third = trade(40 * side), trade(20 * side), trade(15 * side)
    never_sent = trade(10 * side, filled=False)
    sale = order(-70 * side, 60, "partially_filled", at=FRESH)
    fills = [fill(sale, 25, at=FRESH), fill(sale, 35, at=FRESH + SECOND)]
    verdict = judged([first, second, third, never_sent], 0, orders=[sale], fills=fills)
    assert [each.id for each in verdict.suspect] == [third.id, never_sent.id]
    assert verdict.exits == []


def test_what_a_working_order_sold_beyond_the_trades_ends_none() -> None:
    sale = order(-100, 60, "partially_filled", at=FRESH)
    verdict = judged([trade(40)], -20, orders=[sale], fills=[fill(sale, at=FRESH)])
    assert (verdict.exits, verdict.differences) == ([], [])


# -- which sales count ------------------------------------------------------------------------------------------


@SIDES
@pytest.mark.parametrize(
    ("before", "counts"), [(timedelta(seconds=30), True), (LAG, True), (LAG + SECOND, False)]
)
def test_a_sale_may_come_up_to_a_minute_before_the_entry_by_another_clock(
    side: int, before: timedelta, counts: bool
) -> None:
    ours = trade(100 * side)
    verdict = judged([ours], 0, fills=[fill(order(-100 * side), at=OLD - before)])
    assert ended(verdict) == ([(ours.id, 100 * side)] if counts else [])


@SIDES
def test_sales_count_from_the_first_of_the_trades(side: int) -> None:
    first, second = trade(10 * side, at=OLD - 5 * LAG), trade(20 * side)
    verdict = judged([first, second], 20 * side, fills=[fill(order(-10 * side), at=OLD - 3 * LAG)])
    assert (ended(verdict), verdict.differences) == ([(first.id, 10 * side)], [])


@SIDES
def test_a_fraction_that_somebody_adds_ends_nothing(side: int) -> None:
    added = fill(order(dec("0.25") * side))
    verdict = judged([trade(dec("0.5") * side)], dec("0.25") * side, fills=[added])
    assert verdict.exits == []


@pytest.mark.parametrize(
    ("asset_id", "ends"), [("another asset", False), ("", True), ("asset of AAPL", True)]
)
def test_a_sale_of_another_asset_that_has_the_symbol_now_ends_no_trade(asset_id: str, ends: bool) -> None:
    ours = trade(100)
    sale = order(-100, asset_id=asset_id)
    assert ended(judged([ours], 0, orders=[sale], fills=[fill(sale)])) == ([(ours.id, 100)] if ends else [])


def test_a_fill_that_its_order_does_not_show_yet_was_not_taken_back() -> None:
    ours = trade(100)
    sale = order(-40, 0, "new")
    verdict = judged([ours], 60, orders=[sale], fills=[fill(sale, 40)])
    assert (ended(verdict), verdict.differences) == ([(ours.id, 40)], [])


def test_a_sale_at_the_very_moment_of_an_adjustment_is_settled_with_it() -> None:
    settled = NOW - 5 * LAG
    sale = fill(order(-40), at=settled)
    assert judged([trade(60, adjusted_at=settled)], 20, fills=[sale]).exits == []


def test_the_entry_of_a_closed_trade_is_known_in_capitals_too() -> None:
    flipped = order(-100, id="order-f")
    fills = [fill(flipped, order_id="ORDER-F")]
    known = replace(record([flipped], fills), entered=frozenset({"order-f"}))
    ours = trade(50)
    assert judge(comparison([ours], []), [ours], [], known, {}, NOW).exits == []


# -- whose sale it was ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_read", [True, False])
def test_the_noted_exit_order_ends_its_trade_though_it_was_replaced_or_not_read(is_read: bool) -> None:
    first, second = trade(10), trade(10, exit_order_id="a")
    noted = order(-10, 0, "replaced", id="a", replaced_by="b")
    sale = order(-10, id="b", replaces="a") if is_read else order(-10, id="a")
    verdict = judged([first, second], 10, orders=[noted, sale] if is_read else [], fills=[fill(sale)])
    assert ended(verdict) == [(second.id, 10)]


@SIDES
def test_an_entry_that_the_broker_does_not_know_counts_from_its_recorded_time(side: int) -> None:
    later, first = trade(10 * side, order_id="e"), trade(10 * side, at=OLD - LAG)
    entry = order(10 * side, id="e")
    fills = [fill(entry), fill(order(-10 * side), at=OLD + SECOND)]
    verdict = judged([later, first], 10 * side, orders=[entry], fills=fills)
    assert ended(verdict) == [(first.id, 10 * side)]


def test_a_sale_ends_another_trade_than_the_one_of_which_more_was_sold_than_filled() -> None:
    busted, held = trade(10, order_id="e", exited=6), trade(5)
    entry, sale = order(10, 4, id="e"), order(-3)
    exits = [booked(busted, 6, order_id="before")]
    verdict = judged([busted, held], 0, orders=[entry, sale], fills=[fill(sale)], exits=exits)
    assert ended(verdict) == [(held.id, 3)]


# -- what fills for one trade while another one ends -------------------------------------------------------------


def with_a_closed_one(
    trades: Sequence[LocalTrade],
    *,
    side: int,
    arrived: Any,
    at: datetime = FRESH,
    orders: Iterable[Order] = (),
    fills: Iterable[Fill] = (),
) -> list[Any]:
    """Those of *trades* that are suspect with no position, when as much as *arrived* filled for one that has closed since by a sale
    from another one's shares."""
    closed = trade(dec(arrived) * side, exited=dec(arrived) * side)
    entry, sale = order(dec(arrived) * side, id="closed-e", at=at), order(-dec(arrived) * side)
    known = record(
        [entry, sale, *orders], [fill(entry, at=at, order_id="CLOSED-E"), fill(sale, at=FRESH), *fills]
    )
    known = replace(known, entered=frozenset({"closed-e"}))
    exits: list[BookedExit] = [booked(closed, dec(arrived) * side, at=FRESH, order_id=sale.id)]
    return [each.id for each in judge(comparison(trades, []), trades, exits, known, {}, NOW).suspect]


@SIDES
@pytest.mark.parametrize("arrived", ["2", "0.5"])
@pytest.mark.parametrize("at", [FRESH, NOW - LAG])
def test_what_fills_for_a_closed_trade_may_be_what_the_position_lacks_for_a_minute(
    side: int, arrived: str, at: datetime
) -> None:
    held, never_sent = trade(dec(arrived) * side), trade(dec("0.25") * side, filled=False)
    suspects = with_a_closed_one([never_sent, held], side=side, arrived=arrived, at=at)
    assert suspects == ([never_sent.id] if at is FRESH else [never_sent.id, held.id])


@SIDES
def test_it_is_shared_by_the_trades_as_far_as_the_position_does_not_lag_their_own_fills(side: int) -> None:
    mine, other, never_sent = trade(2 * side, order_id="e"), trade(side), trade(side, filled=False)
    entry = order(2 * side, id="e")
    fills = [fill(entry, 1), fill(entry, 1, at=FRESH)]
    suspects = with_a_closed_one([mine, other, never_sent], side=side, arrived=2, orders=[entry], fills=fills)
    assert suspects == [never_sent.id]


@SIDES
def test_what_filled_for_a_trade_itself_is_not_counted_for_another_one(side: int) -> None:
    lagging, gone = trade(100 * side, order_id="E"), trade(100 * side)
    entry = order(100 * side, id="e", at=FRESH)
    sold = fill(entry, at=FRESH, order_id="E")
    verdict = judged([lagging, gone], 0, orders=[entry], fills=[sold])
    assert [each.id for each in verdict.suspect] == [gone.id]


@SIDES
def test_nor_does_one_that_was_sold_again_at_once_give_away_its_own(side: int) -> None:
    sold, held, never_sent = trade(2 * side, order_id="e"), trade(3 * side), trade(2 * side, filled=False)
    entry, sale = order(2 * side, id="e", at=FRESH), order(-2 * side, client_order_id=f"{sold.id}-exit-1")
    fills = [fill(entry, at=FRESH), fill(sale, at=FRESH)]
    suspects = with_a_closed_one(
        [sold, held, never_sent], side=side, arrived=2, orders=[entry, sale], fills=fills
    )
    assert suspects == [held.id, never_sent.id]


def test_nor_is_what_opens_a_trade_of_the_other_side() -> None:
    held, opened = trade("0.5"), trade("-0.25", order_id="e", at=FRESH)
    entry = order("-0.25", id="e", at=FRESH)
    verdict = judged([held, opened], 0, orders=[entry], fills=[fill(entry, at=FRESH)])
    assert told(verdict) == [("quantity", "0.25", "0")]
