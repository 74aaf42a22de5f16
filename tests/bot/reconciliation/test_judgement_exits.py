"""The table of judgement, its rows of exits: which fill ends which trade, and what is booked of it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.bot.reconciliation.books import (
    FRESH,
    OLD,
    SIDES,
    booked,
    dec,
    fill,
    fills_of,
    ids,
    judged,
    order,
    told,
    trade,
)


def ids_and_shares(found: Any) -> list[Any]:
    return [(each.trade.id, each.shares) for each in found]


@SIDES
def test_a_fill_that_ended_a_trade_is_booked_with_its_price_and_time(side: int) -> None:
    ours = trade(100 * side)
    sale = order(-100 * side, price=9, client_order_id=f"{ours.id}-exit-1")
    sold = fill(sale, price=9)
    verdict = judged([ours], 0, orders=[sale], fills=[sold])
    (found,) = verdict.exits
    assert (found.trade.id, int(found.shares), int(found.price), found.at) == (ours.id, 100 * side, 9, OLD)
    assert (found.order_id, found.fill_id) == (sale.id, sold.id)
    assert (verdict.differences, verdict.missed, verdict.suspect) == ([], [], [])


@SIDES
def test_a_sale_by_hand_of_a_part_is_booked_and_the_rest_goes_on(side: int) -> None:
    ours = trade(100 * side)
    sale = order(-40 * side, price="10.5")
    verdict = judged([ours], 60 * side, fills=[fill(sale, price="10.5")])
    assert fills_of(verdict.exits) == [(40 * side, Decimal("10.5"))]
    assert (verdict.matched, verdict.differences) == (1, [])


@SIDES
def test_a_sale_in_many_fills_is_booked_fill_by_fill(side: int) -> None:
    ours = trade("0.3") if side > 0 else trade("-0.3")
    sale = order(dec("-0.3") * side)
    fills = [fill(sale, "0.1", price) for price in (9, 10, 11)]
    verdict = judged([ours], 0, orders=[sale], fills=fills)
    assert fills_of(verdict.exits, side) == [
        (Decimal("0.1"), 9),
        (Decimal("0.1"), 10),
        (Decimal("0.1"), 11),
    ]
    assert verdict.differences == []


@SIDES
def test_what_a_sale_does_not_explain_stays_a_difference(side: int) -> None:
    ours = trade(100 * side)
    verdict = judged([ours], 30 * side, fills=[fill(order(-40 * side))])
    assert [each.shares for each in verdict.exits] == [40 * side], "what is proved is booked"
    assert told(verdict) == [("quantity", f"{60 * side}", f"{30 * side}")]


@SIDES
def test_a_fill_that_explains_nothing_is_not_booked(side: int) -> None:
    ours = trade(100 * side)
    verdict = judged([ours], 120 * side, fills=[fill(order(-40 * side))])
    assert (verdict.exits, told(verdict)) == ([], [("quantity", f"{100 * side}", f"{120 * side}")])


@SIDES
@pytest.mark.parametrize("by", ["fill", "order", "nothing", "another fill id"])
def test_what_is_booked_already_is_not_booked_again(side: int, by: str) -> None:
    ours = trade(100 * side, exited=40 * side)
    sale = order(-70 * side)
    first, second = fill(sale, 40), fill(sale, 30, 11, OLD + timedelta(minutes=1))
    names: dict[str, Any] = {
        "fill": {"fill_id": first.id, "order_id": sale.id},
        "order": {"order_id": sale.id},
        "nothing": {},
        "another fill id": {"fill_id": "an execution's", "order_id": sale.id},
    }[by]
    verdict = judged(
        [ours], 30 * side, orders=[sale], fills=[first, second], exits=[booked(ours, 40 * side, **names)]
    )
    assert fills_of(verdict.exits) == [(30 * side, 11)]
    assert verdict.differences == []


@SIDES
def test_the_rest_of_a_fill_that_is_booked_in_part_has_another_name(side: int) -> None:
    ours = trade(100 * side, exited=40 * side)
    sale = order(-100 * side)
    sold = fill(sale)
    exits = [booked(ours, 40 * side, fill_id=sold.id, order_id=sale.id)]
    (found,) = judged([ours], 0, orders=[sale], fills=[sold], exits=exits).exits
    assert (int(found.shares), found.fill_id, found.order_id) == (60 * side, None, sale.id)


@SIDES
def test_an_exit_that_another_trade_has_booked_does_not_end_this_one(side: int) -> None:
    before, ours = trade(100 * side), trade(100 * side)
    sale = order(-100 * side)
    verdict = judged(
        [ours],
        0,
        fills=[fill(sale)],
        exits=[booked(before, 100 * side, order_id=sale.id)],
    )
    assert verdict.exits == []
    assert ids(verdict.suspect) == [ours.id]


@SIDES
def test_a_sale_of_another_symbol_does_not_end_it(side: int) -> None:
    ours = trade(100 * side)
    other = order(-100 * side, symbol="TSLA")
    verdict = judged([ours], 0, orders=[other], fills=[fill(other)])
    assert (verdict.exits, ids(verdict.suspect)) == ([], [ours.id])


@SIDES
def test_a_fill_from_before_the_trade_does_not_end_it(side: int) -> None:
    ours = trade(100 * side)
    sold = fill(order(-100 * side), at=OLD - timedelta(minutes=2))
    assert judged([ours], 0, fills=[sold]).exits == []


@SIDES
def test_of_several_trades_the_one_that_an_exit_is_named_after_ends(side: int) -> None:
    first, second, third = trade(10 * side), trade(10 * side), trade(10 * side, exit_order_id="noted")
    named = order(-10 * side, client_order_id=f"{second.id}-exit-2")
    noted = order(-10 * side, id="noted")
    verdict = judged(
        [first, second, third], 10 * side, orders=[named, noted], fills=[fill(named), fill(noted)]
    )
    assert ids(verdict.exits) == [second.id, third.id]
    assert (verdict.matched, verdict.differences) == (1, [])


@SIDES
def test_of_several_trades_without_a_name_the_first_ends_first(side: int) -> None:
    trades = [trade(10 * side), trade(10 * side), trade(10 * side)]
    verdict = judged(trades, 5 * side, fills=[fill(order(-25 * side))])
    assert ids_and_shares(verdict.exits) == [
        (trades[0].id, 10 * side),
        (trades[1].id, 10 * side),
        (trades[2].id, 5 * side),
    ]
    assert verdict.differences == []


@SIDES
def test_an_exit_that_the_list_of_fills_does_not_have_yet_is_booked_from_its_order(side: int) -> None:
    ours = trade(100 * side)
    sale = order(-100 * side, price="9.25", client_order_id=f"{ours.id}-exit-1")
    verdict = judged([ours], 0, orders=[sale])
    (found,) = verdict.exits
    assert (int(found.shares), found.price, found.fill_id) == (100 * side, Decimal("9.25"), None)
    half = judged([ours], 0, orders=[sale], fills=[fill(sale, 50, 9)])
    assert fills_of(half.exits) == [
        (50 * side, 9),
        (50 * side, Decimal("9.5")),
    ]


@SIDES
@pytest.mark.parametrize("there", [60, 100])
def test_an_exit_order_that_is_still_at_it_is_in_order(side: int, there: int) -> None:
    ours = trade(100 * side)
    sale = order(-100 * side, 40, "partially_filled", at=FRESH)
    verdict = judged([ours], there * side, orders=[sale], fills=[fill(sale, at=FRESH)])
    assert (verdict.exits, verdict.differences) == ([], []), "its own program books it"


@SIDES
def test_a_sale_that_was_taken_back_is_not_booked_though_its_fill_is_listed(side: int) -> None:
    ours = trade(100 * side)
    busted = order(-40 * side, 0, average_price=Decimal(10), filled_at=OLD)
    verdict = judged([ours], 0, orders=[busted], fills=[fill(busted, 40)])
    assert verdict.exits == []


@SIDES
def test_an_exit_of_what_is_not_recorded_yet_waits_for_its_entry(side: int) -> None:
    ours = trade(100 * side, filled=False, order_id="e")
    entry = order(100 * side, 50, "partially_filled", id="e")
    sale = order(-50 * side)
    verdict = judged([ours], 0, orders=[entry, sale], fills=[fill(entry), fill(sale)])
    assert (verdict.exits, verdict.differences) == ([], [])
    done = order(100 * side, 50, "canceled", id="e")
    verdict = judged([ours], 0, orders=[done, sale], fills=[fill(done), fill(sale)])
    assert [each.shares for each in verdict.entries] == [50 * side]
    assert [each.shares for each in verdict.exits] == [50 * side]
