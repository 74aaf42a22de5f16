"""What the search found about positions and lists of fills that lag: each the shortest history that it takes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.bot.reconciliation.broker_model import Asset, ModelBroker
from tests.bot.reconciliation.found_by_search.histories import (
    bought,
    exits,
    reconcile_for_a_while,
    shares_of,
    sold_by_hand,
)
from tests.bot.reconciliation.memory_books import MemoryBooks


def test_an_entry_is_not_closed_with_less_than_its_replaced_order_filled_while_the_list_of_fills_lags(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    trade = books.reserve(asset.symbol, Decimal(2), Decimal(10))
    first = broker.send(asset, 1, Decimal(2), str(trade))
    second = broker.replace(first, Decimal(2))
    broker.fill(second, Decimal(1), Decimal(10))
    sold_by_hand(books, asset, 1, 12)
    broker.fill(second, Decimal(1), Decimal(10), listed_in=5)
    books.reconcile()
    assert books.trades[trade].status == "open", "one of its two shares is held"
    reconcile_for_a_while(books)
    assert shares_of(books, trade) == (2, 1)
    assert exits(books, trade) == [(1, 12)]


@pytest.mark.parametrize("inherits", [True, False], ids=["counted again", "counted once"])
def test_nor_while_it_may_count_what_its_predecessor_filled(
    books: MemoryBooks, asset: Asset, broker: ModelBroker, inherits: bool
) -> None:
    broker.inherits = inherits
    trade = books.reserve(asset.symbol, Decimal(3), Decimal(10))
    first = broker.send(asset, 1, Decimal(3), str(trade))
    broker.fill(first, Decimal(1), Decimal(10))
    second = broker.replace(first, Decimal(2))
    broker.fill(second, Decimal(1), Decimal(10))
    sold_by_hand(books, asset, 2, 12)
    broker.fill(second, Decimal(1), Decimal(10), listed_in=5)
    books.reconcile()
    assert books.trades[trade].status == "open", "one of its three shares is held"
    reconcile_for_a_while(books)
    assert shares_of(books, trade) == (3, 1)
    assert exits(books, trade) == [(2, 12)]


def test_a_trade_is_not_missed_while_a_position_lags_shares_of_another_one_that_were_sold_again(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    working = books.reserve(asset.symbol, Decimal(9), Decimal(10))
    order = broker.send(asset, 1, Decimal(9), str(working))
    broker.fill(order, Decimal(1), Decimal(10))
    held = bought(books, asset, 3, 10)
    reconcile_for_a_while(books)
    sold_by_hand(books, asset, 4, 12)
    broker.fill(order, Decimal(1), Decimal(10), shown_in=50)
    assert broker.positions() == []
    for _ in range(3):
        assert books.reconcile().differences == {}
        books.advance(11)
    assert books.trades[held].status == "open"
    broker.cancel(order)
    reconcile_for_a_while(books)
    assert shares_of(books, working)[1] + shares_of(books, held)[1] == broker.position(asset) == 1


def test_a_sale_that_was_recorded_before_the_list_shows_it_is_not_taken_for_a_later_one(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    trade = bought(books, asset, 3, 1)
    reconcile_for_a_while(books)
    order = broker.send(asset, -1, Decimal(3), f"{trade}-exit-1")
    broker.fill(order, Decimal(1), Decimal("1.01"), listed_in=5)
    books.record_exit(trade, Decimal(1), Decimal("1.01"), books.now, order)
    broker.fill(order, Decimal(2), Decimal("1.23"))
    # the order's average price is rounded, so what is missing in the list comes to 1.010000000000001
    books.reconcile()
    reconcile_for_a_while(books)
    earned = sum(each.shares * each.price for each in books.trades[trade].exits)
    assert (books.trades[trade].status, earned) == ("closed", Decimal("3.47"))


def test_a_sale_that_came_off_another_trade_than_it_ended_leaves_neither_missed_while_the_position_lags(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    first = books.reserve(asset.symbol, Decimal(5), Decimal(10))
    order = broker.send(asset, 1, Decimal(5), str(first))
    broker.fill(order, Decimal(3), Decimal(10))
    sold_by_hand(books, asset, 3, 11)
    never_sent = books.reserve(asset.symbol, Decimal(1), Decimal(10))
    second = bought(books, asset, 2, 10)
    reconcile_for_a_while(books)
    broker.fill(order, Decimal(2), Decimal(10), shown_in=50)
    sold_by_hand(books, asset, 2, 12)
    for _ in range(3):
        books.reconcile()
        books.advance(11)
    assert {books.trades[each].status for each in (never_sent, second)} == {"missed", "open"}
    assert (books.trades[first].status, books.trades[second].status) == ("closed", "open")
    reconcile_for_a_while(books)
    assert not books.reconcile().differences


def test_a_long_trade_is_not_missed_while_the_position_lags_the_end_of_a_short_one(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    long = bought(books, asset, 9, 10)
    short = books.reserve(asset.symbol, Decimal(-9), Decimal(10))
    broker.fill(broker.send(asset, -1, Decimal(9), str(short)), Decimal(9), Decimal(10))
    books.reserve(asset.symbol, Decimal(3), Decimal(10))  # its order is never sent
    reconcile_for_a_while(books)
    broker.fill(broker.send(asset, 1, Decimal(9)), Decimal(9), Decimal(8), shown_in=50)
    for _ in range(4):
        books.reconcile()
        books.advance(11)
    assert books.trades[long].status == "open"
    reconcile_for_a_while(books)
    assert (books.trades[long].status, books.trades[short].status) == ("open", "closed")
    assert not books.reconcile().differences


def test_the_entry_of_a_short_trade_that_has_just_closed_is_no_exit_of_a_long_one_while_its_end_lags(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    held = bought(books, asset, 1, 10)
    short = books.reserve(asset.symbol, Decimal(-3), Decimal(10))
    first = broker.send(asset, -1, Decimal(3), str(short))
    broker.fill(first, Decimal(1), Decimal(10))
    # the books know this one, not the first, which alone is named after the trade
    second = broker.replace(first, Decimal(2))
    broker.fill(second, Decimal(2), Decimal(10))
    broker.fill(broker.send(asset, 1, Decimal(3)), Decimal(3), Decimal(9), shown_in=15)
    books.reconcile()
    assert (books.trades[short].status, books.trades[short].order_id) == ("closed", second)
    for _ in range(3):
        books.advance(6)
        books.reconcile()
    assert (books.trades[held].status, exits(books, held)) == ("open", [])
