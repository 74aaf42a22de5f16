"""The table of judgement, row by row, on both sides of the market."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.reconciliation.judgement import DifferenceKind
from bot.reconciliation.local import LAG
from tests.bot.reconciliation.books import FRESH, NOW, OLD, booked, dec, fill, judged, order, told, trade

#: Long and short: every row holds for both.
SIDES = pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])
LONG_SUSPECT = NOW - timedelta(seconds=10)


def ids(found: Any) -> list[Any]:
    return [getattr(each, "id", None) or each.trade.id for each in found]


def fills_of(found: Any, side: int = 1) -> list[Any]:
    """Shares and price of each; with *side*, the shares of a short trade as those of a long one."""
    return [(each.shares * side, each.price) for each in found]


def ids_and_shares(found: Any) -> list[Any]:
    return [(each.trade.id, each.shares) for each in found]


# -- entries ----------------------------------------------------------------------------------------------------


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


# -- lags -------------------------------------------------------------------------------------------------------


@SIDES
@pytest.mark.parametrize("there", [0, 40, 100])
def test_a_position_may_lag_the_fill_of_an_entry(side: int, there: int) -> None:
    ours = trade(100 * side, order_id="e")
    entry = order(100 * side, id="e", at=FRESH)
    verdict = judged([ours], there * side, orders=[entry], fills=[fill(entry, at=FRESH)])
    assert (verdict.differences, verdict.missed, verdict.suspect) == ([], [], [])


@SIDES
def test_but_only_for_a_minute(side: int) -> None:
    ours = trade(100 * side, order_id="e")
    at = NOW - LAG
    entry = order(100 * side, id="e", at=at)
    verdict = judged([ours], 0, orders=[entry], fills=[fill(entry, at=at)])
    assert ids(verdict.suspect) == [ours.id]


@SIDES
@pytest.mark.parametrize("there", [0, 60, 100])
def test_a_position_may_lag_an_exit_that_is_booked(side: int, there: int) -> None:
    ours = trade(100 * side, exited=100 * side)
    sold = booked(ours, 100 * side, at=FRESH)
    assert judged([], there * side, exits=[sold]).differences == []
    old = booked(ours, 100 * side)
    assert told(judged([], 60 * side, exits=[old])) == [("unknown_here", "0", f"{60 * side}")]


@SIDES
def test_a_reservation_of_the_last_minute_is_in_flight(side: int) -> None:
    ours = trade(100 * side, filled=False, at=FRESH)
    for there in (0, 50):
        verdict = judged([ours], there * side)
        assert (verdict.differences, verdict.in_flight) == ([], 1)


# -- exits ------------------------------------------------------------------------------------------------------


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


# -- what nothing explains --------------------------------------------------------------------------------------


@SIDES
def test_absent_for_the_first_time_is_suspect(side: int) -> None:
    ours = trade(100 * side)
    verdict = judged([ours], 0)
    assert (ids(verdict.suspect), verdict.missed) == ([ours.id], [])
    assert told(verdict) == [("suspect", f"{100 * side}", "0")]
    assert verdict.differences[0].trades == (ours.id,)


@SIDES
@pytest.mark.parametrize(
    ("since", "at", "is_missed"),
    [
        (LONG_SUSPECT, OLD, True),
        (LONG_SUSPECT + timedelta(microseconds=1), OLD, False),
        (LONG_SUSPECT, NOW - LAG, True),
    ],
)
def test_absent_a_second_time_is_missed(side: int, since: Any, at: Any, is_missed: bool) -> None:
    ours = trade(100 * side, at=at)
    verdict = judged([ours], 0, suspects={ours.id: since})
    assert (ids(verdict.missed) == [ours.id]) is is_missed
    assert (verdict.differences == []) is is_missed


@SIDES
def test_a_trade_whose_order_still_works_is_not_missed_though_its_shares_are_gone(side: int) -> None:
    ours = trade(40 * side, order_id="e")
    entry = order(100 * side, 40, "partially_filled", id="e")
    verdict = judged([ours], 0, orders=[entry], fills=[fill(entry)], suspects={ours.id: OLD})
    assert (verdict.missed, ids(verdict.suspect)) == ([], [ours.id])
    assert told(verdict) == [("suspect", f"{40 * side}", "0")], "the gate is closed"


def test_a_trade_that_was_recorded_within_the_minute_is_not_missed_though_its_order_filled_before() -> None:
    ours = trade(at=FRESH, order_id="e")
    entry = order(100, id="e")
    verdict = judged([ours], 0, orders=[entry], fills=[fill(entry)], suspects={ours.id: OLD})
    assert (verdict.missed, ids(verdict.suspect)) == ([], [ours.id])


def test_a_trade_whose_order_was_not_asked_for_is_not_missed() -> None:
    ours = trade(order_id="e")
    verdict = judged([ours], 0, suspects={ours.id: OLD}, unasked=[ours.id])
    assert (verdict.missed, ids(verdict.suspect)) == ([], [ours.id])


def test_a_trade_that_this_reading_corrects_is_looked_at_again_before_it_is_missed() -> None:
    ours = trade(100, order_id="e")
    entry = order(100, 60, "canceled", id="e")
    verdict = judged([ours], 0, orders=[entry], fills=[fill(entry)], suspects={ours.id: OLD})
    assert [each.shares for each in verdict.entries] == [60]
    assert (verdict.missed, ids(verdict.suspect)) == ([], [ours.id])
    assert verdict.differences


@SIDES
@pytest.mark.parametrize(
    ("here", "there", "kind"),
    [
        (0, 10, DifferenceKind.UNKNOWN_HERE),
        (10, 11, DifferenceKind.QUANTITY),
        (10, 4, DifferenceKind.QUANTITY),
        ("0.1", "0.100000001", DifferenceKind.QUANTITY),
        (10, -10, DifferenceKind.SIDE),
        (100, 10, DifferenceKind.QUANTITY),  # a reverse split
        (10, 100, DifferenceKind.QUANTITY),  # a split
    ],
)
def test_what_nothing_explains_is_a_difference_and_never_adopted(
    side: int, here: Any, there: Any, kind: DifferenceKind
) -> None:
    ours = [trade(dec(here) * side)] if here else []
    verdict = judged(ours, dec(there) * side)
    (found,) = verdict.differences
    assert (found.kind, found.here, found.there) == (kind, dec(here) * side, dec(there) * side)
    assert found.trades == tuple(each.id for each in ours)
    assert (verdict.entries, verdict.exits, verdict.void, verdict.missed) == ([], [], [], [])


def test_trades_of_both_sides_add_up() -> None:
    ours = [trade(10), trade(-4)]
    assert judged(ours, 6).differences == []
    assert told(judged(ours, 5)) == [("quantity", "6", "5")]


def test_each_symbol_is_judged_by_itself() -> None:
    one, other = trade(10, "AAPL"), trade(5, "TSLA")
    verdict = judged([one, other], 10)
    assert (verdict.matched, ids(verdict.suspect)) == (1, [other.id])


def test_a_report_names_at_most_a_hundred_trades() -> None:
    (found,) = judged([trade(1) for _ in range(150)], 0).differences
    assert len(found.as_json()["tradeIds"]) == 100
    assert (found.as_json()["here"], found.as_json()["kind"]) == ("150", "suspect")
