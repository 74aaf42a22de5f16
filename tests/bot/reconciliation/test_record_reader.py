"""What is asked of the broker about what differs: all that could explain it, and no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from bot.reconciliation.local import LAG
from bot.reconciliation.record_reader import (
    ABSENT_ASSETS,
    MOST_EXITS,
    ORDERS_ONE_BY_ONE,
    STRANGE_ORDERS,
    gone_symbols,
    read_names,
)
from tests.bot.reconciliation.asked_broker import ONE, Asked, filled, read
from tests.bot.reconciliation.books import NOW, OLD, comparison, position, trade
from tests.bot.reconciliation.broker_model import Asset


def test_fills_are_read_since_a_minute_before_the_first_trade_was_entered_or_recorded(broker: Asked) -> None:
    first, second = OLD - timedelta(hours=2), OLD - timedelta(hours=1)
    for entered, recorded in ((first, second), (second, first)):
        broker.calls.clear()
        read(broker, [trade(), trade(entry_at=entered, created_at=recorded), trade()])
        assert first - LAG in broker.calls


def test_the_orders_of_ten_trades_are_read_one_by_one_and_of_more_in_lists(broker: Asked) -> None:
    trades = [trade(order_id=f"order-{n}") for n in range(ORDERS_ONE_BY_ONE)]
    known = read(broker, trades)
    assert {broker.calls.count(each.order_id) for each in trades} == {1}
    assert not [each for each in broker.calls if isinstance(each, tuple)]
    broker.calls.clear()
    more = [*trades, trade(), *(trade(order_id=f"more-{n}") for n in range(2))]
    known = read(broker, more)
    assert [each for each in broker.calls if isinstance(each, tuple)] == [("open", None), ("all", OLD - LAG)]
    asked = {each for each in broker.calls if str(each).startswith(("order-", "more-"))}
    assert asked == {each.order_id for each in trades}, "no more than ten that no list has"
    assert known.unasked == {each.id for each in more[-2:]}


def test_of_many_trades_both_those_that_still_work_and_those_that_are_new_are_in_lists(
    broker: Asked, asset: Asset
) -> None:
    now = OLD - timedelta(days=1)
    broker.clock = lambda: now
    old_working, old_filled = broker.send(asset, 1, ONE), filled(broker, asset, 1)
    broker.clock = lambda: NOW
    new_filled = filled(broker, asset, 1)
    trades = [trade(order_id=each) for each in (old_working, old_filled, new_filled)]
    known = read(broker, [*trades, *(trade() for _ in range(ORDERS_ONE_BY_ONE))])
    assert known.orders.keys() >= {old_working, old_filled, new_filled}
    assert [each for each in broker.calls if each in known.orders] == [old_filled], "only it is in no list"


def test_an_entry_is_looked_up_by_its_id_else_by_its_trades_name_with_all_that_it_replaced(
    broker: Asked, asset: Asset
) -> None:
    named, ours = trade(), trade()
    by_name = broker.send(asset, 1, ONE, str(named.id))
    links = [broker.send(asset, 1, ONE)]
    for _ in range(3):
        links.append(broker.replace(links[-1], ONE))
    known = read(broker, [named, trade(order_id=links[2])])
    assert known.orders.keys() == {by_name, *links}
    broker.calls.clear()
    read(broker, [ours])
    assert next(each for each in broker.calls if not isinstance(each, datetime)) == str(ours.id)
    broker.calls.clear()
    read(broker, [trade(order_id=by_name)])
    assert broker.calls.count(by_name) == 1
    assert not [each for each in broker.calls if each in links]


def test_of_closed_trades_the_entries_are_read_that_were_not(broker: Asked, asset: Asset) -> None:
    mine, theirs = broker.send(asset, 1, ONE), broker.send(asset, 1, ONE)
    closed = [trade(order_id=mine), trade(order_id=theirs), trade()]
    known = read(broker, [trade(order_id=mine)], closed=closed)
    assert known.orders.keys() == {mine, theirs}
    assert (broker.calls.count(mine), str(closed[2].id) in broker.calls) == (1, False)
    assert list(known.closed) == closed


# -- orders that no trade explains ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shares", "there", "is_asked"),
    [
        ((10,), 4, True),
        ((10,), 0, True),
        ((10,), 12, False),
        ((-10,), -4, True),
        ((-10,), -12, False),
        ((10, -4), 6, True),
    ],
)
def test_a_strange_order_is_read_where_something_may_have_been_sold(
    broker: Asked, asset: Asset, shares: tuple[int, ...], there: int, is_asked: bool
) -> None:
    strange = filled(broker, asset, -1)
    elsewhere = filled(broker, broker.lists("TSLA", 1), -1)
    known = read(broker, [trade(each) for each in shares], [position("AAPL", there)] if there else [])
    assert (strange in known.orders, elsewhere in known.orders) == (is_asked, False)
    assert (broker.calls.count(strange), broker.calls.count(elsewhere)) == (int(is_asked), 0)


def test_of_a_strange_order_those_that_it_replaced_are_read(broker: Asked, asset: Asset) -> None:
    first = broker.send(asset, -1, ONE)
    second = broker.replace(first, ONE)
    third = broker.replace(second, ONE)
    broker.fill(third, ONE, Decimal(10))
    assert read(broker, [trade()]).orders.keys() == {first, second, third}
    assert [broker.calls.count(each) for each in (first, second, third)] == [1, 1, 1]


@pytest.mark.parametrize("more", [0, 1])
def test_of_more_than_ten_strange_orders_the_list_is_read(broker: Asked, asset: Asset, more: int) -> None:
    mine = broker.send(asset, 1, ONE)
    broker.orders[mine] = replace(broker.orders[mine], submitted_at=OLD - timedelta(days=1))
    strange = [filled(broker, asset, -1) for _ in range(STRANGE_ORDERS + more)]
    for each in strange:
        broker.fill(each, ONE, Decimal(10))
    known = read(broker, [trade(order_id=mine)])
    assert known.orders.keys() == {mine, *strange}
    assert [each for each in broker.calls if isinstance(each, tuple)] == [("all", OLD - LAG)] * more
    assert {broker.calls.count(each) for each in strange} == {1 - more}


# -- exit orders by name ----------------------------------------------------------------------------------------


def test_exit_orders_are_looked_up_by_name_up_to_the_first_that_is_not_there(
    broker: Asked, asset: Asset
) -> None:
    ours = trade()
    first = broker.send(asset, -1, ONE, f"{ours.id}-exit-1")
    second = broker.replace(first, ONE)
    third = broker.send(asset, -1, ONE, f"{ours.id}-exit-2")
    assert read(broker, [ours]).orders.keys() == {first, second, third}
    names = [each for each in broker.calls if "-exit-" in str(each)]
    assert names == [f"{ours.id}-exit-{number}" for number in (1, 2, 3)]


def test_of_exit_orders_five_are_looked_up(broker: Asked, asset: Asset) -> None:
    ours = trade()
    for number in range(MOST_EXITS + 2):
        broker.send(asset, -1, ONE, f"{ours.id}-exit-{number}")
    read(broker, [ours])
    names = [each for each in broker.calls if "-exit-" in str(each)]
    assert names == [f"{ours.id}-exit-{number}" for number in range(1, MOST_EXITS + 1)]


@pytest.mark.parametrize("why", ["more is held", "a sale is listed", "many trades"])
def test_they_are_not_looked_up_where_they_would_tell_nothing_or_too_many(
    broker: Asked, asset: Asset, why: str
) -> None:
    if why == "a sale is listed":
        filled(broker, asset, -1)
    trades = [trade() for _ in range(11 if why == "many trades" else 1)]
    read(broker, trades, [position("AAPL", 120)] if why == "more is held" else [])
    assert not [each for each in broker.calls if "-exit-" in str(each)]


# -- names ------------------------------------------------------------------------------------------------------


def test_an_asset_has_all_names_of_its_trades_and_exits_and_without_a_position_its_present_one(
    broker: Asked,
) -> None:
    gone, held = broker.lists("NEW", 1), broker.lists("HELD", 1)
    trades = [
        trade(1, "OLD", asset_id=gone.id, former_symbols=("OLDER",)),
        trade(2, "HELD", asset_id=held.id),
        trade(3, "NONE", asset_id=None),
    ]
    questions = comparison(trades, [position("HELD", 1, held.id)]).questions
    names = read_names(cast(Any, broker), trades, questions, [(gone.id, "SOLD"), (held.id, "WAS")])
    assert names == {gone.id: {"OLDER", "OLD", "SOLD", "NEW"}, held.id: {"HELD", "WAS"}}
    assert broker.calls == [gone.id]


def test_of_absent_assets_ten_are_asked_for(broker: Asked) -> None:
    assets = [broker.lists(f"S{n}", 1) for n in range(ABSENT_ASSETS + 1)]
    trades = [trade(1, each.symbol, asset_id=each.id) for each in assets]
    read_names(cast(Any, broker), trades, comparison(trades, []).questions, ())
    assert broker.calls == sorted(each.id for each in assets)[:ABSENT_ASSETS]


def test_what_is_gone_is_what_the_trades_hold_and_the_broker_does_not() -> None:
    trades = [trade(1, "C"), trade(1, "B"), trade(1, "A"), trade(1, "E"), trade(-1, "E")]
    questions = comparison(trades, [position("B", 2), position("D", 1)]).questions
    assert gone_symbols(questions, {"asset of A": {"A", "WAS"}}) == ["A", "C", "WAS"]


def test_without_trades_nothing_is_asked(broker: Asked) -> None:
    known = read(broker, [], [position("AAPL", 1)], names={"a": {"AAPL"}})
    assert (broker.calls, known.names) == ([], {"a": {"AAPL"}})
