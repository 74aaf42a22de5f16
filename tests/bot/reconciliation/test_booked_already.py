"""Which sales are in the books already, whole or in part: each case here tells the rule from its neighbour."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.broker.readings import Order
from bot.reconciliation.judgement import Verdict
from bot.reconciliation.local import LAG, LocalTrade
from tests.bot.reconciliation.books import FRESH, OLD, booked, dec, fill, judged, order, trade

SIDES = pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])
SECOND = timedelta(seconds=1)
#: Before the sales that are read for a trade of OLD.
EARLY = OLD - 5 * LAG


def sold(verdict: Verdict, side: int = 1) -> list[Any]:
    """Shares and price of each exit."""
    return [(each.shares * side, each.price) for each in verdict.exits]


def exit_of(ours: LocalTrade, shares: Any, *, number: int = 1, **changes: Any) -> Order:
    return order(shares, client_order_id=f"{ours.id}-exit-{number}", **changes)


# -- by an order that the list of fills does not show yet -------------------------------------------------------


@SIDES
def test_of_an_exit_order_the_list_lacks_what_is_booked_at_another_price_and_the_rest_at_the_rest_of_its_worth(
    side: int,
) -> None:
    ours = trade(6 * side, exited=3 * side)
    sale, other = exit_of(ours, -5 * side, price="1.8"), order(-side, price="0.7")
    exits = [
        booked(ours, side, order_id=other.id, price=dec("0.7")),
        booked(ours, 2 * side, order_id=sale.id, price=dec("0.5")),
    ]
    fills = [fill(sale, 2, 3), fill(other, price="0.7")]
    verdict = judged([ours], 0, orders=[sale, other], fills=fills, exits=exits)
    assert sorted(sold(verdict, side)) == [(1, 2), (2, 3)]
    assert verdict.differences == []


def test_what_is_booked_at_the_price_of_a_listed_fill_is_that_one() -> None:
    ours = trade(4, exited=2)
    sale = exit_of(ours, -4, price="2.5")
    exits = [booked(ours, 2, order_id=sale.id, price=dec(3))]
    assert sold(judged([ours], 0, orders=[sale], fills=[fill(sale, 2, 3)], exits=exits)) == [(2, 2)]


def test_an_exit_that_its_program_booked_at_the_orders_average_covers_listed_and_unlisted_fills() -> None:
    ours = trade(6, exited=4)
    sale, by_hand = exit_of(ours, -4, price="2.5"), order(-1, price=9)
    exits = [booked(ours, 4, order_id=sale.id, price=dec("2.5"))]
    fills = [fill(sale, 2, 3), fill(by_hand, price=9)]
    assert sold(judged([ours], 1, orders=[sale, by_hand], fills=fills, exits=exits)) == [(1, 9)]


def test_of_two_exit_orders_the_list_may_lack_both_or_the_second() -> None:
    ours = trade(100)
    first, second = exit_of(ours, -40, price=11), exit_of(ours, -60, number=2, price=12)
    for listed in ([], [fill(first, price=11)]):
        verdict = judged([ours], 0, orders=[first, second], fills=listed)
        assert sorted(sold(verdict)) == [(40, 11), (60, 12)]


@SIDES
@pytest.mark.parametrize(("shares", "price"), [(1, 10), ("0.5", 10), (100, "0.5")])
def test_what_the_list_lacks_may_be_a_fraction_or_worth_a_few_cents(
    side: int, shares: Any, price: Any
) -> None:
    ours = trade(dec(shares) * side)
    sale = exit_of(ours, -dec(shares) * side, price=price)
    assert sold(judged([ours], 0, orders=[sale]), side) == [(dec(shares), dec(price))]


@pytest.mark.parametrize(
    "changes",
    [{"average_price": None}, {"at": None}, {"status": "partially_filled"}],
    ids=["without a price", "without a time", "still working"],
)
def test_an_exit_order_that_does_not_tell_all_of_its_fills_waits_for_the_list(changes: Any) -> None:
    ours = trade(100)
    sale = exit_of(ours, -100, filled=40, **{"status": "canceled", **changes})
    assert judged([ours], 60, orders=[sale]).exits == []


@pytest.mark.parametrize("listed_at", ["2", "2.1"])
def test_an_exit_order_whose_listed_fills_are_worth_all_of_it_waits_for_the_list(listed_at: str) -> None:
    ours = trade(4)
    sale = exit_of(ours, -4, price=1)
    verdict = judged([ours], 0, orders=[sale], fills=[fill(sale, 2, listed_at)])
    assert sold(verdict) == [(2, dec(listed_at))]


# -- by a fill's id, an order's id and price, or an order's id --------------------------------------------------


def test_a_later_fill_that_is_booked_by_its_id_is_not_taken_for_an_earlier_one_at_the_same_price() -> None:
    ours = trade(100, exited=30)
    sale = order(-70)
    first, second = fill(sale, 40), fill(sale, 30, at=OLD + SECOND)
    exits = [booked(ours, 30, order_id=sale.id, fill_id=second.id)]
    verdict = judged([ours], 30, orders=[sale], fills=[first, second], exits=exits)
    assert [(int(each.shares), each.fill_id) for each in verdict.exits] == [(40, first.id)]


@pytest.mark.parametrize("by_fill", [True, False])
def test_a_fill_that_ended_several_trades_is_booked_by_all_of_their_exits(by_fill: bool) -> None:
    first, second, ours = trade(40), trade(30), trade(100)
    sale = order(-100)
    listed = fill(sale)
    exits = [
        booked(each, each.shares, order_id=sale.id, fill_id=listed.id if by_fill else None)
        for each in (first, second)
    ]
    assert sold(judged([ours], 70, orders=[sale], fills=[listed], exits=exits)) == [(30, 10)]


def test_exits_of_an_order_at_prices_that_no_fill_has_cover_its_first_fills() -> None:
    ours = trade(100, exited=50)
    sale = order(-60)
    exits = [
        booked(ours, 20, order_id=sale.id, price=dec(1)),
        booked(ours, 30, order_id=sale.id, price=dec(2)),
    ]
    fills = [fill(sale, 50, "1.6"), fill(sale, 10, 3, OLD + SECOND)]
    assert sold(judged([ours], 40, orders=[sale], fills=fills, exits=exits)) == [(10, 3)]


def test_one_exit_for_a_whole_order_covers_all_of_its_fills_and_no_others() -> None:
    ours = trade(100, exited=60)
    sale, by_hand = order(-60), order(-10)
    exits = [booked(ours, 60, order_id=sale.id)]
    fills = [fill(sale, 30), fill(sale, 30), fill(by_hand, at=OLD + SECOND)]
    assert sold(judged([ours], 30, orders=[sale, by_hand], fills=fills, exits=exits)) == [(10, 10)]


# -- without an order -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("is_settled", "after", "covers"),
    [
        (False, 30 * SECOND, True),
        (False, LAG, True),
        (False, LAG + SECOND, False),
        (True, 0 * SECOND, True),
        (True, SECOND, False),
    ],
    ids=["soon", "a minute", "later", "a settlement's moment", "after a settlement"],
)
def test_an_exit_without_its_order_is_a_sale_until_a_minute_after_or_until_a_settlement(
    is_settled: bool, after: timedelta, covers: bool
) -> None:
    ours = trade(100, exited=40)
    exits = [booked(ours, 40, is_settled=is_settled)]
    verdict = judged([ours], 20, fills=[fill(order(-40), at=OLD + after)], exits=exits)
    assert sold(verdict) == ([] if covers else [(40, 10)])


@pytest.mark.parametrize("is_settled", [True, False])
def test_what_counts_is_when_it_was_booked_and_of_a_settlement_also_the_time_that_it_gave(
    is_settled: bool,
) -> None:
    ours = trade(100, exited=40)
    for at, recorded_at in ((OLD, OLD + 3 * LAG), (OLD + 3 * LAG, OLD)):
        exits = [booked(ours, 40, is_settled=is_settled, at=at, created_at=recorded_at)]
        verdict = judged([ours], 20, fills=[fill(order(-40), at=OLD + 2 * LAG)], exits=exits)
        assert (verdict.exits == []) is (is_settled or recorded_at > OLD)


def test_exits_without_their_order_cover_the_first_sales_and_no_more_than_their_shares() -> None:
    ours = trade(100, exited=40)
    exits = [booked(ours, 40, at=FRESH)]
    fills = [fill(order(-30), price=11), fill(order(-30), price=12, at=OLD + SECOND)]
    assert sold(judged([ours], 40, fills=fills, exits=exits)) == [(20, 12)]


def test_an_unlisted_sale_is_in_its_place_among_the_listed_ones() -> None:
    ours = trade(100, exited=40)
    unlisted, by_hand = exit_of(ours, -40, price=12, at=OLD + SECOND), order(-40, price=11)
    exits = [booked(ours, 40, at=FRESH)]
    fills = [fill(by_hand, price=11, at=OLD + 2 * SECOND)]
    assert sold(judged([ours], 20, orders=[unlisted, by_hand], fills=fills, exits=exits)) == [(40, 11)]


# -- of an order that sold before the trades as well ------------------------------------------------------------


@SIDES
@pytest.mark.parametrize("first_fills", [(40,), (25, 15)])
@pytest.mark.parametrize(("shares", "left"), [(40, 20), (50, 10), (60, 0)])
def test_what_is_booked_of_an_order_covers_all_that_it_sold_before_and_only_then_what_it_sold_since(
    side: int, first_fills: tuple[int, ...], shares: int, left: int
) -> None:
    before, ours = trade(60 * side), trade(100 * side)
    sale = order(-85 * side)
    fills = [
        *(fill(sale, each, at=EARLY) for each in first_fills),
        fill(sale, 20, 12),
        fill(sale, 25, 13, OLD + SECOND),
    ]
    exits = [booked(before, shares * side, at=EARLY, order_id=sale.id, created_at=OLD, price=dec(11))]
    verdict = judged([ours], (75 - left) * side, orders=[sale], fills=fills, exits=exits)
    assert sold(verdict, side) == [(each, price) for each, price in ((left, 12), (25, 13)) if each]


def test_what_is_booked_by_the_id_of_an_earlier_fill_leaves_the_rest_of_the_order_to_what_has_no_id() -> None:
    before, ours = trade(60), trade(100)
    sale = order(-60)
    early, late = fill(sale, 30, at=EARLY), fill(sale, 30)
    exits = [
        booked(before, 30, at=EARLY, order_id=sale.id),
        booked(before, 30, at=EARLY, order_id=sale.id, fill_id=early.id),
    ]
    by_hand = fill(order(-10), price=12)
    verdict = judged([ours], 90, orders=[sale], fills=[early, late, by_hand], exits=exits)
    assert sold(verdict) == [(10, 12)]


def test_what_is_booked_by_the_id_of_a_fill_from_before_covers_no_later_one_though_that_fill_was_not_read() -> (
    None
):
    before, ours = trade(30), trade(100)
    sale = order(-60)
    exits = [booked(before, 30, at=EARLY, order_id=sale.id, fill_id="from before")]
    assert sold(judged([ours], 70, orders=[sale], fills=[fill(sale, 30)], exits=exits)) == [(30, 10)]


@pytest.mark.parametrize("booked_at", [EARLY, OLD - LAG])
def test_a_sale_a_minute_before_the_first_trade_is_one_since(booked_at: Any) -> None:
    before, ours = trade(60), trade(100)
    sale, by_hand = order(-60), order(-10, price=12)
    fills = [fill(sale, 30, at=EARLY), fill(sale, 30, at=OLD - LAG), fill(by_hand, price=12)]
    shares = 60 if booked_at is EARLY else 30
    exits = [booked(before, shares, at=booked_at, order_id=sale.id)]
    verdict = judged([ours], 90, orders=[sale, by_hand], fills=fills, exits=exits)
    assert sold(verdict) == [(10, 12)]
