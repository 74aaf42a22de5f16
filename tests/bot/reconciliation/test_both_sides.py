"""A long and a short trade of one asset at a time: the broker nets them, and the books hold both."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.reconciliation.judgement import Verdict, judge
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

#: The side of the larger trade.
SIDES = pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])


def changes(verdict: Verdict) -> tuple[list[Any], list[Any], list[Any]]:
    """Entries and exits that it books, and what it tells of differences."""
    return (
        [(each.trade.id, each.shares) for each in verdict.entries],
        [(each.trade.id, each.shares, each.price) for each in verdict.exits],
        told(verdict),
    )


@SIDES
def test_the_entry_of_one_is_no_exit_of_the_other(side: int) -> None:
    larger, smaller = trade(100 * side), trade(-40 * side, filled=False, order_id="e")
    entry = order(-40 * side, id="e")
    verdict = judged([larger, smaller], 60 * side, orders=[entry], fills=[fill(entry)])
    assert changes(verdict) == ([(smaller.id, -40 * side)], [], [])


@SIDES
@pytest.mark.parametrize("there", [60, 85, 100])
def test_an_entry_of_the_other_side_that_works_or_lags_is_in_flight(side: int, there: int) -> None:
    larger = trade(100 * side)
    waiting = trade(-40 * side, filled=False, order_id="e")
    for entry in (order(-40 * side, 0, "new", id="e"), order(-40 * side, id="e", at=FRESH)):
        fills = [fill(entry, at=FRESH)] if entry.filled else []
        verdict = judged([larger, waiting], there * side, orders=[entry], fills=fills)
        assert (verdict.differences, verdict.exits, verdict.in_flight) == ([], [], 1)


@SIDES
def test_a_sale_by_hand_ends_the_trade_of_its_side(side: int) -> None:
    larger, smaller = trade(100 * side), trade(-40 * side)
    sale = order(-30 * side, price=11)
    verdict = judged([larger, smaller], 30 * side, orders=[sale], fills=[fill(sale, price=11)])
    assert changes(verdict) == ([], [(larger.id, 30 * side, 11)], [])
    cover = order(40 * side, price=9)
    verdict = judged([larger, smaller], 100 * side, orders=[cover], fills=[fill(cover, price=9)])
    assert changes(verdict) == ([], [(smaller.id, -40 * side, 9)], [])


@SIDES
def test_both_can_end_in_one_reading(side: int) -> None:
    larger, smaller = trade(100 * side), trade(-40 * side)
    sale, cover = order(-100 * side, price=11), order(40 * side, price=9)
    fills = [fill(sale, price=11), fill(cover, price=9)]
    verdict = judged([larger, smaller], 0, orders=[sale, cover], fills=fills)
    assert sorted(changes(verdict)[1]) == sorted([(larger.id, 100 * side, 11), (smaller.id, -40 * side, 9)])
    assert verdict.differences == []


@SIDES
@pytest.mark.parametrize("there", [60, 80, 100])
def test_a_position_may_lag_an_exit_of_the_other_side_that_is_booked(side: int, there: int) -> None:
    larger, ended = trade(100 * side), trade(-40 * side, exited=-40 * side)
    exits = [booked(ended, -40 * side, at=FRESH)]
    assert judged([larger], there * side, exits=exits).differences == []
    old = [booked(ended, -40 * side)]
    assert bool(judged([larger], there * side, exits=old).differences) is (there != 100)


@SIDES
def test_an_exit_of_the_other_side_that_was_booked_without_its_order_hides_no_sale(side: int) -> None:
    larger, ended = trade(100 * side), trade(-40 * side, exited=-40 * side)
    sale = order(-30 * side, price=11)
    verdict = judged([larger], 70 * side, fills=[fill(sale, price=11)], exits=[booked(ended, -40 * side)])
    assert changes(verdict) == ([], [(larger.id, 30 * side, 11)], [])


@SIDES
@pytest.mark.parametrize("there", [0, 20, -20])
def test_what_nothing_explains_is_a_difference_and_neither_is_written_off(side: int, there: int) -> None:
    trades = [trade(100 * side), trade(-40 * side)]
    suspects = {each.id: OLD for each in trades}
    verdict = judged(trades, there * side, suspects=suspects)
    assert (verdict.missed, verdict.suspect) == ([], [])
    kind = "side" if there < 0 else "quantity"
    assert told(verdict) == [(kind, f"{60 * side}", f"{there * side}")]


@SIDES
def test_what_opened_a_closed_trade_of_the_other_side_ends_no_trade(side: int) -> None:
    ours = trade(50 * side)
    flipped = order(-100 * side, price=7)
    sale = order(-50 * side, price=11)
    fills = [fill(flipped, price=7), fill(sale, price=11, at=OLD + timedelta(seconds=5))]
    known = replace(record([flipped, sale], fills), entered=frozenset({flipped.id.lower()}))
    verdict = judge(comparison([ours], []), [ours], [], known, {}, NOW)
    assert changes(verdict) == ([], [(ours.id, 50 * side, Decimal(11))], [])


def test_trades_that_net_to_nothing_agree_with_no_position() -> None:
    trades = [trade(40), trade(-40)]
    agreed = judged(trades, 0)
    assert (changes(agreed), agreed.matched) == (([], [], []), 2)
    assert told(judged(trades, 5)) == [("quantity", "0", "5")]


def test_what_ended_unseen_because_it_nets_to_nothing_is_booked() -> None:
    long, short = trade(100), trade(-40)
    sale, cover = order(-30, price=11), order(30, price=9)
    fills = [fill(sale, price=11), fill(cover, price=9)]
    verdict = judged([long, short], 60, orders=[sale, cover], fills=fills)
    assert changes(verdict) == ([], [(long.id, 30, 11), (short.id, -30, 9)], [])


def test_so_is_what_ended_of_trades_of_which_one_does_not_know_its_asset() -> None:
    long, short = trade(100), trade(-40, asset_id=None)
    (question,) = comparison([long, short], [position("AAPL", 60)]).questions
    assert (int(question.here), int(question.there)) == (60, 60)
