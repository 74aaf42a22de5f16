"""What the search found about which trade a sale ends, and which are missed: each the shortest history that it takes."""

from __future__ import annotations

from decimal import Decimal

from tests.bot.reconciliation.broker_model import Asset, ModelBroker
from tests.bot.reconciliation.found_by_search.histories import (
    bought,
    exits,
    reconcile_for_a_while,
    shares_of,
    sold_by_hand,
)
from tests.bot.reconciliation.memory_books import MemoryBooks


def test_a_sale_is_not_taken_for_the_exit_of_a_trade_whose_order_was_never_sent(
    books: MemoryBooks, asset: Asset
) -> None:
    never_sent = books.reserve(asset.symbol, Decimal(3), Decimal(10))
    trade = bought(books, asset, 2, 10)
    sold_by_hand(books, asset, 2, 12)
    reconcile_for_a_while(books)
    assert exits(books, never_sent) == []
    assert (books.trades[trade].status, exits(books, trade)) == ("closed", [(2, 12)])


def test_an_entry_that_filled_is_recorded_though_the_position_is_gone_and_nothing_explains_it(
    books: MemoryBooks, asset: Asset
) -> None:
    trade = bought(books, asset, 7, 4)
    books.advance(61)
    books.broker.pay_out(asset, Decimal(5))
    reconcile_for_a_while(books)
    row = books.trades[trade]
    assert (row.status, row.filled, row.shares) == ("missed", True, Decimal(7)), (
        "it counts as an unsettled trade"
    )


def test_one_sale_does_not_end_both_a_trade_that_knows_its_asset_and_one_that_does_not(
    books: MemoryBooks, asset: Asset
) -> None:
    first = bought(books, asset, 3, 5)
    reconcile_for_a_while(books)
    assert books.trades[first].asset_id == asset.id
    second = bought(books, asset, 7, 3)
    sold_by_hand(books, asset, 5, 2)
    sold_by_hand(books, asset, 5, 6)
    reconcile_for_a_while(books)
    assert exits(books, first) == [(3, 2)]
    assert exits(books, second) == [(2, 2), (5, 6)]


def test_a_sale_ends_the_trade_that_had_filled_by_then_and_not_one_that_was_only_reserved_before_it(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    reserved = books.reserve(asset.symbol, Decimal(9), Decimal(10))
    order = broker.send(asset, 1, Decimal(9), str(reserved))
    held = bought(books, asset, 1, 10)
    reconcile_for_a_while(books)
    sold_by_hand(books, asset, 1, 12)
    broker.fill(order, Decimal(1), Decimal(10))
    reconcile_for_a_while(books)
    assert (books.trades[held].status, exits(books, held)) == ("closed", [(1, 12)])
    broker.cancel(order)
    reconcile_for_a_while(books)
    assert (shares_of(books, reserved), exits(books, reserved)) == ((1, 1), [])


def test_a_later_fill_of_an_exit_that_its_program_booked_first_is_not_booked_in_place_of_the_earlier_one(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    trade = bought(books, asset, 2, 10)
    reconcile_for_a_while(books)
    order = broker.send(asset, -1, Decimal(2), f"{trade}-exit-1")
    broker.fill(order, Decimal(1), Decimal(3))
    later = broker.fill(order, Decimal(1), Decimal(8))
    books.record_exit(trade, Decimal(1), later.price, later.at, order)
    reconcile_for_a_while(books)
    assert sorted(exits(books, trade)) == [(1, 3), (1, 8)]


def test_an_order_that_ended_a_trade_before_ends_another_one_with_its_next_fill(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    other = broker.lists("MSFT", 1)
    bought(books, other, 1, 5)
    before = bought(books, asset, 3, 10)
    sale = broker.send(asset, -1, Decimal(3))
    broker.fill(sale, Decimal(2), Decimal(12))
    sold_by_hand(books, asset, 1, 13)
    reconcile_for_a_while(books)
    assert books.trades[before].status == "closed"
    books.advance(61)
    held = bought(books, asset, 4, 11)
    reconcile_for_a_while(books)
    broker.fill(sale, Decimal(1), Decimal(14))
    # another asset differs: exits since its trade was entered are read
    broker.fill(broker.send(other, 1, Decimal(1)), Decimal(1), Decimal(5))
    reconcile_for_a_while(books)
    assert exits(books, held) == [(1, 14)]
    assert books.reconcile().differences == {"MSFT": "quantity"}


def test_a_sale_and_a_purchase_that_net_to_nothing_end_a_long_and_a_short_trade(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    long = bought(books, asset, 3, 10)
    short = books.reserve(asset.symbol, Decimal(-5), Decimal(10))
    broker.fill(broker.send(asset, -1, Decimal(5), str(short)), Decimal(5), Decimal(10))
    reconcile_for_a_while(books)
    sold_by_hand(books, asset, 3, 12)
    broker.fill(broker.send(asset, 1, Decimal(3)), Decimal(3), Decimal(9))
    reconcile_for_a_while(books)
    assert (exits(books, long), exits(books, short)) == ([(3, 12)], [(-3, 9)])


def test_an_exit_order_that_was_replaced_ends_the_trade_that_the_first_one_is_named_after(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    first, second = bought(books, asset, 2, 10), bought(books, asset, 2, 11)
    reconcile_for_a_while(books)
    order = broker.send(asset, -1, Decimal(2), f"{second}-exit-1")
    for _ in range(2):
        order = broker.replace(order, Decimal(2))
    broker.fill(order, Decimal(2), Decimal(12))
    reconcile_for_a_while(books)
    assert (exits(books, first), exits(books, second)) == ([], [(2, 12)])


def test_a_trade_that_a_working_order_sells_is_not_missed_with_one_that_was_never_ordered(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    never_sent = books.reserve(asset.symbol, Decimal(1), Decimal(10))
    trade = bought(books, asset, 2, 10)
    books.reconcile()
    books.advance(61)
    sale = broker.send(asset, -1, Decimal(3))
    broker.fill(sale, Decimal(2), Decimal(12))
    for _ in range(3):
        books.reconcile()
        books.advance(6)
    assert (books.trades[never_sent].status, books.trades[trade].status) == ("missed", "open")
    broker.cancel(sale)
    reconcile_for_a_while(books)
    assert (books.trades[trade].status, exits(books, trade)) == ("closed", [(2, 12)])


def test_among_many_strange_orders_the_entry_of_a_closed_trade_is_still_no_exit_of_another_one(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    held_short = books.reserve(asset.symbol, Decimal(-8), Decimal(10))
    sent = broker.send(asset, -1, Decimal(8), str(held_short))
    for price in range(11, 17):
        bought(books, asset, 1, 10)
        sold_by_hand(books, asset, 1, price)
    ended_short = books.reserve(asset.symbol, Decimal(-3), Decimal(10))
    first = broker.send(asset, -1, Decimal(3), str(ended_short))
    broker.fill(first, Decimal(2), Decimal(10))
    # the books know this one, not the first, which alone is named after the trade
    broker.cancel(broker.replace(first, Decimal(1)))
    broker.fill(broker.send(asset, 1, Decimal(2)), Decimal(2), Decimal(9))
    held_long = bought(books, asset, 1, 10)
    broker.fill(sent, Decimal(8), Decimal(10))
    reconcile_for_a_while(books)
    assert (books.trades[ended_short].status, books.trades[held_long].status) == ("closed", "open")
    assert not books.reconcile().differences
