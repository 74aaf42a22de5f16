"""The table of judgement, its rows of entries: which order is a trade's, what filled of it, and what is in flight."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.bot.reconciliation.books import (
    NOW,
    OLD,
    SIDES,
    dec,
    fill,
    fills_of,
    ids,
    judged,
    order,
    told,
    trade,
)


@SIDES
@pytest.mark.parametrize("there", [0, 30, 100])
@pytest.mark.parametrize("named", [True, False], ids=["by its id", "by the trade's name"])
def test_an_entry_order_that_works_is_in_flight_by_what_it_can_still_fill(
    side: int, there: int, named: bool
) -> None:
    ours = trade(100 * side, filled=False, order_id="e" if named else None)
    entry = order(100 * side, 0, "new", id="e", client_order_id="x" if named else str(ours.id))
    verdict = judged([ours], there * side, orders=[entry])
    assert (verdict.differences, verdict.missed, verdict.suspect, verdict.void) == ([], [], [], [])
    assert verdict.in_flight == (1 if there != 100 else verdict.in_flight)


@SIDES
def test_the_order_counts_and_not_what_was_recorded_of_it(side: int) -> None:
    ours = trade(40 * side, order_id="e")  # recorded when 40 of its 100 had filled
    entry = order(100 * side, 70, "partially_filled", id="e")
    verdict = judged([ours], 70 * side, orders=[entry], fills=[fill(entry)])
    assert (verdict.differences, verdict.entries, verdict.in_flight) == ([], [], 1)
    assert told(judged([ours], 101 * side, orders=[entry], fills=[fill(entry)])) == [
        ("quantity", f"{40 * side}", f"{101 * side}")
    ]
    assert told(judged([ours], 60 * side, orders=[entry], fills=[fill(entry)])) == [
        ("quantity", f"{40 * side}", f"{60 * side}")
    ], "less than filled long ago"


@SIDES
@pytest.mark.parametrize("length", [2, 3, 10])
def test_any_link_of_its_chain_that_works_is_in_flight(side: int, length: int) -> None:
    ours = trade(100 * side, filled=False, order_id="link-0")
    links = [
        order(
            100 * side,
            0,
            "replaced" if n < length - 1 else "new",
            id=f"link-{n}",
            replaces=f"link-{n - 1}" if n else None,
            replaced_by=f"link-{n + 1}" if n < length - 1 else None,
        )
        for n in range(length)
    ]
    for there in (0, 50, 100):
        verdict = judged([ours], there * side, orders=links)
        assert (verdict.differences, verdict.void, verdict.missed) == ([], [], [])


@SIDES
def test_a_chain_that_was_recorded_by_its_last_link_is_found_from_its_first(side: int) -> None:
    ours = trade(100 * side, filled=False, order_id="b")
    first = order(100 * side, 30, "replaced", id="a", replaced_by="b")
    second = order(70 * side, 70, id="b", replaces="a", price=11)
    verdict = judged([ours], 100 * side, orders=[first, second], fills=[fill(first), fill(second, price=11)])
    (entry,) = verdict.entries
    assert (int(entry.shares), entry.price, entry.order_id) == (100 * side, Decimal("10.7"), "b")
    assert (verdict.matched, verdict.differences) == (1, [])


@SIDES
def test_a_successor_may_count_what_its_predecessor_filled(side: int) -> None:
    ours = trade(100 * side, filled=False, order_id="a")
    first = order(100 * side, 30, "replaced", id="a", replaced_by="b")
    second = order(100 * side, 100, id="b", replaces="a")
    verdict = judged([ours], 100 * side, orders=[first, second], fills=[fill(first), fill(second, 70)])
    assert [each.shares for each in verdict.entries] == [100 * side]
    assert verdict.differences == []


@SIDES
@pytest.mark.parametrize("status", ["canceled", "expired", "rejected"])
@pytest.mark.parametrize("recorded", [True, False])
def test_an_entry_that_ended_with_nothing_filled_is_void(side: int, status: str, recorded: bool) -> None:
    ours = trade(100 * side, filled=recorded, order_id="e")
    verdict = judged([ours], 0, orders=[order(100 * side, 0, status, id="e")])
    assert ids(verdict.void) == [ours.id]
    assert (verdict.missed, verdict.suspect, verdict.differences) == ([], [], [])


@SIDES
def test_an_entry_whose_fill_was_taken_back_is_void_once_the_position_is_gone(side: int) -> None:
    ours = trade(100 * side, order_id="e")
    busted = order(100 * side, 0, id="e", average_price=Decimal(10), filled_at=OLD)
    assert ids(judged([ours], 0, orders=[busted]).void) == [ours.id]
    kept = judged([ours], 0, orders=[busted], fills=[fill(busted, 100)])
    assert ids(kept.void) == [ours.id], "whether or not its fills are still listed"
    still = judged([ours, trade(50 * side)], 150 * side, orders=[busted])
    assert still.void == [], "while the position is there, nothing is touched"


@SIDES
@pytest.mark.parametrize(
    ("recorded", "filled", "price"),
    [(40, 100, "10.05"), (100, 40, "10"), ("0.5", "0.123456789", "9.87654321"), (100, 101, "10")],
)
def test_an_entry_that_filled_otherwise_is_corrected_from_the_order(
    side: int, recorded: Any, filled: Any, price: str
) -> None:
    ours = trade(dec(recorded) * side, order_id="e")
    entry = order(dec(filled) * side, filled, id="e", price=price)
    verdict = judged([ours], dec(filled) * side, orders=[entry])
    (found,) = verdict.entries
    assert (found.shares, found.price, found.at, found.order_id) == (
        dec(filled) * side,
        dec(price),
        OLD,
        "e",
    )
    assert (verdict.matched, verdict.differences) == (1, [])


@SIDES
def test_a_fill_that_nobody_recorded_is_though_both_sides_agree(side: int) -> None:
    ours = trade(100 * side, filled=False, order_id="e")
    verdict = judged([ours], 100 * side, orders=[order(100 * side, id="e", price="9.5")])
    assert fills_of(verdict.entries) == [(100 * side, Decimal("9.5"))]


@SIDES
def test_what_an_operator_adjusted_is_not_corrected(side: int) -> None:
    ours = trade(10 * side, order_id="e", adjusted_at=OLD)
    verdict = judged([ours], 100 * side, orders=[order(100 * side, id="e")])
    assert (verdict.entries, told(verdict)) == ([], [("quantity", f"{10 * side}", f"{100 * side}")])


@SIDES
def test_what_was_sold_before_an_operator_adjusted_is_settled_with_it_and_what_comes_after_is_booked(
    side: int,
) -> None:
    settled = NOW - timedelta(minutes=5)
    ours = trade(60 * side, adjusted_at=settled)
    before = fill(order(-40 * side), at=settled - timedelta(minutes=1))
    after = fill(order(-10 * side), at=settled + timedelta(minutes=1))
    verdict = judged([ours], 50 * side, fills=[before, after])
    assert [(each.shares, each.fill_id) for each in verdict.exits] == [(Decimal(10 * side), after.id)]
    assert verdict.differences == []


def test_an_order_of_the_other_side_is_not_the_entry() -> None:
    ours = trade(100, order_id="e")
    verdict = judged([ours], 0, orders=[order(-100, 0, "new", id="e")])
    assert ids(verdict.suspect) == [ours.id]
