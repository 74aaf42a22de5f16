"""Where exactly the rules of judgement end: each case here tells the rule from its neighbour."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from bot.reconciliation.judgement import judge
from tests.bot.reconciliation.books import (
    FRESH,
    NOW,
    OLD,
    booked,
    comparison,
    fill,
    judged,
    order,
    position,
    record,
    told,
    trade,
)

SUSPECT = NOW - timedelta(minutes=5)


def test_a_trade_that_has_been_suspect_for_longer_than_needed_is_missed() -> None:
    ours = trade()
    assert [each.id for each in judged([ours], 0, suspects={ours.id: SUSPECT}).missed] == [ours.id]


def test_a_difference_names_what_is_held_after_a_correction() -> None:
    ours = trade(100, order_id="e")
    entry = order(100, 60, "canceled", id="e")
    assert told(judged([ours], 70, orders=[entry], fills=[fill(entry)])) == [("quantity", "60", "70")]


def test_a_trade_of_which_a_part_is_booked_is_looked_at_again_before_it_is_missed() -> None:
    ours = trade(100)
    sale = order(-40)
    verdict = judged([ours], 0, orders=[sale], fills=[fill(sale)], suspects={ours.id: SUSPECT})
    assert [each.shares for each in verdict.exits] == [40]
    assert (verdict.missed, [each.id for each in verdict.suspect]) == ([], [ours.id])


@pytest.mark.parametrize("is_asked_for", [True, False])
def test_so_is_one_that_is_corrected_and_sold_in_part_or_was_not_asked_for(is_asked_for: bool) -> None:
    ours = trade(100, order_id="e" if is_asked_for else None)
    entry, sale = order(120, 110, "canceled", id="e"), order(-40)
    verdict = judged(
        [ours],
        0,
        orders=[entry, sale] if is_asked_for else [sale],
        fills=[fill(entry), fill(sale)] if is_asked_for else [fill(sale)],
        suspects={ours.id: SUSPECT},
        unasked=[] if is_asked_for else [ours.id],
    )
    assert len(verdict.entries) == is_asked_for
    assert len(verdict.exits) == 1
    assert (verdict.missed, [each.id for each in verdict.suspect]) == ([], [ours.id])


def test_of_two_that_are_absent_the_one_whose_order_works_is_in_flight() -> None:
    gone, coming = trade(100), trade(40, filled=False, order_id="e")
    entry = order(40, 0, "new", id="e")
    verdict = judged([gone, coming], 0, orders=[entry])
    assert ([each.id for each in verdict.suspect], verdict.in_flight) == ([gone.id], 1)


def test_what_is_gone_of_an_order_that_lags_is_no_other_side() -> None:
    ours = trade(40, order_id="e")
    entry = order(100, 70, "partially_filled", id="e")
    kinds = {kind for kind, _, _ in told(judged([ours], 0, orders=[entry], fills=[fill(entry)]))}
    assert kinds == {"suspect"}


def test_a_fraction_on_the_other_side_is_another_side() -> None:
    assert told(judged([trade("0.5")], "-0.5")) == [("side", "0.5", "-0.5")]


@pytest.mark.parametrize("there", [50, 200])
def test_an_entry_that_never_filled_is_void_though_the_others_differ(there: int) -> None:
    held, never = trade(100), trade(40, filled=False, order_id="e")
    verdict = judged([held, never], there, orders=[order(40, 0, "canceled", id="e")])
    assert [each.id for each in verdict.void] == [never.id]
    assert told(verdict) == [("quantity", "100", f"{there}")]


def test_two_assets_of_one_symbol_are_judged_each_by_its_own_trades() -> None:
    old, new = trade(10, asset_id="a"), trade(20, asset_id="c")
    between = position("AAPL", 10, "b")
    verdict = judge(comparison([old, new], [between]), [old, new], [], record(), {}, NOW)
    assert told(verdict) == [("unknown_here", "0", "10"), ("suspect", "10", "0"), ("suspect", "20", "0")]
    assert [each.trades for each in verdict.differences] == [(), (old.id,), (new.id,)]


def test_trades_of_both_sides_that_add_up_to_nothing_have_no_side() -> None:
    assert told(judged([trade(10), trade(-10)], 5)) == [("quantity", "0", "5")]


def test_a_correction_that_comes_no_nearer_to_the_position_is_not_made() -> None:
    ours = trade(100, order_id="e")
    entry = order(100, 60, "canceled", id="e")
    verdict = judged([ours], 80, orders=[entry], fills=[fill(entry)])
    assert (verdict.entries, told(verdict)) == ([], [("quantity", "100", "80")])


def test_what_an_order_says_of_an_entry_that_was_not_recorded_is_so_whatever_the_position_says() -> None:
    ours = trade(100, filled=False, order_id="e")
    entry = order(100, id="e")
    verdict = judged([ours], 300, orders=[entry], fills=[fill(entry)])
    assert [each.shares for each in verdict.entries] == [100]
    assert told(verdict) == [("quantity", "100", "300")]


def test_a_trade_that_is_sold_in_part_while_its_entry_still_works_is_not_missed() -> None:
    ours = trade(100, order_id="e")
    entry, sale = order(200, 100, "partially_filled", id="e"), order(-40)
    fills = [fill(entry), fill(sale)]
    verdict = judged([ours], 0, orders=[entry, sale], fills=fills, suspects={ours.id: SUSPECT})
    assert len(verdict.exits) == 1
    assert (verdict.missed, [each.id for each in verdict.suspect]) == ([], [ours.id])


@pytest.mark.parametrize("booked_shares", [30, 60])
def test_what_is_booked_of_an_order_since_before_the_trade_covers_its_earlier_fills_first(
    booked_shares: int,
) -> None:
    """A program gives one exit for the whole order, with the time of its first fill; or one for that fill only."""
    early = OLD - timedelta(minutes=5)
    before, ours = trade(60), trade(100)
    sale = order(-60, price="11")
    fills = [fill(sale, 30, 10, early), fill(sale, 30, 12)]
    exits = [booked(before, booked_shares, at=early, order_id=sale.id, created_at=NOW)]
    verdict = judged([ours], 70, orders=[sale], fills=fills, exits=exits)
    assert [each.shares for each in verdict.exits] == ([30] if booked_shares == 30 else [])
    assert bool(verdict.differences) is (booked_shares == 60)


@pytest.mark.parametrize("filled", [100, 40])
def test_a_closed_trade_whose_entry_was_busted_keeps_one_that_is_absent_from_being_missed(
    filled: int,
) -> None:
    ours, sold = trade(100), trade(100, order_id="e", exited=100)
    entry = order(100, filled, id="e", status="filled")
    known = replace(record([entry], [fill(entry)]), closed=[sold])
    verdict = judge(comparison([ours], []), [ours], [], known, {ours.id: SUSPECT}, NOW)
    if filled == 100:
        assert [each.id for each in verdict.missed] == [ours.id]
    else:
        assert (verdict.missed, told(verdict)) == ([], [("quantity", "100", "0")])


def test_what_a_predecessor_filled_counts_at_its_own_price_though_only_the_successors_fills_are_listed() -> (
    None
):
    ours = trade(100, filled=False, order_id="a")
    first = order(100, 30, "replaced", id="a", replaced_by="b")
    second = order(70, id="b", replaces="a", price=11)
    verdict = judged([ours], 100, orders=[first, second], fills=[fill(second, price=11)])
    assert [(int(each.shares), each.price) for each in verdict.entries] == [(100, Decimal("10.7"))]


@pytest.mark.parametrize("at", [OLD, FRESH])
def test_a_chain_counts_all_that_its_orders_filled_though_none_of_it_is_listed(at: datetime) -> None:
    ours = trade(100, filled=False, order_id="a")
    first = order(100, 30, "replaced", id="a", replaced_by="b")
    second = order(70, id="b", replaces="a", at=at)
    verdict = judged([ours], 100, orders=[first, second], fills=[fill(first)] if at is FRESH else [])
    assert (verdict.differences, verdict.void, verdict.missed) == ([], [], [])
    assert [each.shares for each in verdict.entries] == ([] if at is FRESH else [100]), "not yet final"


def test_all_that_an_order_asked_for_may_still_fill_by_a_successor_that_is_not_to_be_found() -> None:
    ours = trade(40, order_id="a")
    entry = order(100, 40, "replaced", id="a", replaced_by="b")
    verdict = judged([ours], 100, orders=[entry], fills=[fill(entry)])
    assert (verdict.differences, verdict.in_flight) == ([], 1)
    assert told(judged([ours], 101, orders=[entry], fills=[fill(entry)])) == [("quantity", "40", "101")]


def test_a_trade_that_was_sold_has_its_entrys_true_price_although_its_shares_were_right() -> None:
    ours = trade(100, order_id="e")
    entry, sale = order(100, id="e", price="10.05"), order(-100, price=11)
    verdict = judged(
        [ours], 0, orders=[entry, sale], fills=[fill(entry, price="10.05"), fill(sale, price=11)]
    )
    assert [(int(each.shares), each.price) for each in verdict.entries] == [(100, Decimal("10.05"))]
    assert [(int(each.shares), int(each.price)) for each in verdict.exits] == [(100, 11)]
