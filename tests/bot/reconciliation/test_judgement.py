"""The table of judgement: how long a position may lag, and what nothing explains, on both sides of the market."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.reconciliation.judgement import DifferenceKind
from bot.reconciliation.local import LAG
from tests.bot.reconciliation.books import (
    FRESH,
    NOW,
    OLD,
    SIDES,
    booked,
    dec,
    fill,
    ids,
    judged,
    order,
    told,
    trade,
)

LONG_SUSPECT = NOW - timedelta(seconds=10)


# -- lags -----------------------------------------------------------------------------------------------------


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


# -- what nothing explains ------------------------------------------------------------------------------------


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
