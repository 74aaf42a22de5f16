"""What one reading explains, and what is booked of it: each case here tells the rule from its neighbour."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bot.reconciliation.books import FRESH, OLD, dec, fill, judged, order, told, trade

SIDES = pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])


# -- both sides at a time ---------------------------------------------------------------------------------------


@SIDES
@pytest.mark.parametrize("filled", [0, "0.5"])
@pytest.mark.parametrize("status", ["new", "canceled"])
def test_a_trade_is_not_written_off_while_one_of_the_other_side_is_held_or_may_fill(
    side: int, status: str, filled: Any
) -> None:
    gone, other = trade(100 * side), trade(-side, filled=False, order_id="e")
    entry = order(-side, filled, status, id="e")
    verdict = judged([gone, other], 0, orders=[entry], fills=[fill(entry)] if filled else [])
    if status == "canceled" and not filled:
        assert [each.id for each in verdict.suspect] == [gone.id], "that one never was"
    else:
        assert (verdict.suspect, [kind for kind, _, _ in told(verdict)]) == ([], ["quantity"])


@SIDES
def test_half_a_share_that_may_still_fill_on_the_other_side_is_such_a_one(side: int) -> None:
    gone, other = trade(100 * side), trade(dec("-0.5") * side, filled=False, order_id="e")
    verdict = judged([gone, other], 0, orders=[order(dec("-0.5") * side, 0, "new", id="e")])
    assert (verdict.suspect, [kind for kind, _, _ in told(verdict)]) == ([], ["quantity"])


# -- what the position may be -----------------------------------------------------------------------------------


@SIDES
def test_a_position_that_lags_a_trade_which_is_sold_again_in_part_is_not_of_the_other_side(side: int) -> None:
    ours = trade(100 * side, at=FRESH, exited=60 * side)
    assert told(judged([ours], -10 * side)) == [("side", f"{40 * side}", f"{-10 * side}")]
    assert judged([ours], 0).differences == []


@SIDES
def test_an_order_that_works_may_have_filled_less_than_was_sold(side: int) -> None:
    """Some of its fills were taken back."""
    ours = trade(100 * side, order_id="e", exited=60 * side)
    entry = order(200 * side, 20, "partially_filled", id="e")
    verdict = judged([ours], -40 * side, orders=[entry], fills=[fill(entry)])
    assert (verdict.differences, verdict.in_flight) == ([], 1)


def test_a_trade_in_flight_does_not_match_as_well() -> None:
    ours = trade(40, order_id="e")
    entry = order(100, 70, "partially_filled", id="e")
    verdict = judged([ours], 70, orders=[entry], fills=[fill(entry)])
    assert (verdict.in_flight, verdict.matched) == (1, 0)


# -- what is booked ---------------------------------------------------------------------------------------------


@SIDES
def test_an_entry_that_is_recorded_as_it_filled_is_not_recorded_again(side: int) -> None:
    ours = trade(100 * side, order_id="e")
    entry, sale = order(100 * side, id="e"), order(-40 * side)
    verdict = judged([ours], 60 * side, orders=[entry, sale], fills=[fill(entry), fill(sale)])
    assert (verdict.entries, len(verdict.exits)) == ([], 1)


@SIDES
def test_an_entry_of_which_the_broker_tells_no_price_is_not_recorded_yet(side: int) -> None:
    ours = trade(100 * side, filled=False, order_id="e")
    entry = order(100 * side, id="e", average_price=None)
    assert judged([ours], 100 * side, orders=[entry]).entries == []


@SIDES
def test_all_of_an_entry_can_be_sold_once_the_entry_is_corrected(side: int) -> None:
    ours = trade(40 * side, order_id="e")
    entry, sale = order(100 * side, id="e"), order(-100 * side)
    verdict = judged([ours], 0, orders=[entry, sale], fills=[fill(entry), fill(sale)])
    assert [each.shares for each in verdict.entries] == [100 * side]
    assert [each.shares for each in verdict.exits] == [100 * side]


@SIDES
@pytest.mark.parametrize(("exited", "sold", "is_booked"), [(0, 40, True), (0, 60, False), (30, 35, False)])
def test_while_an_entry_may_still_fill_no_more_is_booked_than_is_recorded_of_it(
    side: int, exited: int, sold: int, is_booked: bool
) -> None:
    ours = trade(40 * side, order_id="e", exited=exited * side)
    entry, sale = order(200 * side, 100, "partially_filled", id="e"), order(-sold * side)
    there = 100 - exited - sold
    verdict = judged([ours], there * side, orders=[entry, sale], fills=[fill(entry), fill(sale)])
    assert [each.shares for each in verdict.exits] == ([sold * side] if is_booked else [])
    assert verdict.differences == []


@SIDES
@pytest.mark.parametrize(("second", "is_booked"), [(10, True), (11, False)])
def test_nor_by_several_sales_together(side: int, second: int, is_booked: bool) -> None:
    ours = trade(40 * side, order_id="e")
    entry = order(200 * side, 100, "partially_filled", id="e")
    sales = [order(-30 * side), order(-second * side)]
    there = (70 - second) * side
    verdict = judged(
        [ours], there, orders=[entry, *sales], fills=[fill(each, at=OLD) for each in (entry, *sales)]
    )
    assert [each.shares * side for each in verdict.exits] == ([30, second] if is_booked else [30])
