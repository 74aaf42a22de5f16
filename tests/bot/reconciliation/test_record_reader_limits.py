"""How far the broker is asked about chains, strange orders and symbols: each case here tells a limit from its neighbour."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from bot.reconciliation.record_reader import ORDERS_ONE_BY_ONE, STRANGE_ORDERS
from tests.bot.reconciliation.asked_broker import ONE, Asked, filled, read
from tests.bot.reconciliation.books import NOW, OLD, trade
from tests.bot.reconciliation.broker_model import Asset


def chain(broker: Asked, asset: Asset, side: int, length: int) -> list[str]:
    links = [broker.send(asset, side, ONE)]
    while len(links) < length:
        links.append(broker.replace(links[-1], ONE))
    return links


def test_each_order_of_an_entrys_chain_is_asked_for_once(broker: Asked, asset: Asset) -> None:
    links = chain(broker, asset, 1, 5)
    assert read(broker, [trade(order_id=links[3])]).orders.keys() == {*links}
    assert [broker.calls.count(each) for each in links[:4]] == [1] * 4
    assert None not in broker.calls


def test_of_an_entrys_chain_ten_are_read(broker: Asked, asset: Asset) -> None:
    links = chain(broker, asset, 1, STRANGE_ORDERS + 5)
    assert read(broker, [trade(order_id=links[-1])]).orders.keys() == {*links[-STRANGE_ORDERS:]}


def test_a_chain_begins_where_what_was_replaced_is_not_to_be_found(broker: Asked, asset: Asset) -> None:
    links = chain(broker, asset, 1, 2)
    del broker.orders[links[0]]
    assert read(broker, [trade(order_id=links[1])]).orders.keys() == {links[1]}


def test_of_what_a_strange_order_replaced_no_more_than_twenty_are_asked_for(
    broker: Asked, asset: Asset
) -> None:
    links = chain(broker, asset, -1, 2 * STRANGE_ORDERS + 5)
    broker.fill(links[-1], ONE, Decimal(10))
    assert read(broker, [trade()]).orders.keys() == {*links[-2 * STRANGE_ORDERS :]}
    assert None not in broker.calls


def test_what_two_strange_orders_replaced_is_asked_for_once(broker: Asked, asset: Asset) -> None:
    first, second = chain(broker, asset, -1, 2)
    for each in (first, second):
        broker.fill(each, ONE, Decimal(10))
    read(broker, [trade()])
    assert [broker.calls.count(each) for each in (first, second)] == [1, 1]


def test_with_many_trades_ten_strange_orders_that_no_list_has_are_asked_for(
    broker: Asked, asset: Asset
) -> None:
    now = OLD - timedelta(days=1)
    broker.clock = lambda: now
    strange = [broker.send(asset, -1, ONE) for _ in range(STRANGE_ORDERS + 1)]
    broker.clock = lambda: NOW
    for each in strange:
        broker.fill(each, ONE, Decimal(10))
    read(broker, [trade() for _ in range(ORDERS_ONE_BY_ONE + 1)])
    assert [broker.calls.count(each) for each in strange] == [1] * STRANGE_ORDERS + [0]
    assert len([each for each in broker.calls if isinstance(each, tuple)]) == 2


def test_an_exit_order_is_looked_up_by_name_though_the_entrys_own_fill_is_listed(
    broker: Asked, asset: Asset
) -> None:
    ours = trade(1)
    entry = filled(broker, asset, 1, str(ours.id))
    sale = broker.send(asset, -1, ONE, f"{ours.id}-exit-1")
    broker.fill(sale, ONE, Decimal(10), listed_in=5)
    assert read(broker, [ours]).orders.keys() == {entry, sale}


def test_fills_are_in_the_order_of_their_times_in_whatever_order_the_broker_has_them(
    broker: Asked, asset: Asset
) -> None:
    for at in (NOW, OLD):
        broker.clock = lambda at=at: at  # type: ignore[misc]
        filled(broker, asset, -1)
    broker.clock = lambda: NOW
    assert [each.at for each in read(broker, [trade()]).fills] == [OLD, NOW]


def test_of_the_symbols_that_nobody_knows_the_orders_of_ten_are_read_for_an_asset_that_was_renamed(
    broker: Asked,
) -> None:
    orders = [filled(broker, broker.lists(f"S{n}", 1), -1) for n in range(STRANGE_ORDERS + 1)]
    names = {"asset of AAPL": {"AAPL", "APPL"}}
    read(broker, [trade()], names=names)
    assert [broker.calls.count(each) for each in orders] == [1] * STRANGE_ORDERS + [0]
    broker.calls.clear()
    read(broker, [trade()])
    assert not [each for each in broker.calls if each in orders], "of one that was not, none"
