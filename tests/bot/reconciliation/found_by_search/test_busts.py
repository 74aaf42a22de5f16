"""What the search found about busts and settlements: each the shortest history that it takes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot.reconciliation.local import MOST_CLOSED
from tests.bot.reconciliation.broker_model import Asset, ModelBroker
from tests.bot.reconciliation.found_by_search.histories import (
    bought,
    exits,
    reconcile_for_a_while,
    sold_by_hand,
)
from tests.bot.reconciliation.memory_books import MemoryBooks


@pytest.mark.parametrize("busted", [8, 10])
def test_a_bust_of_what_has_been_sold_already_is_a_difference_and_keeps_no_other_trade_waiting(
    books: MemoryBooks, asset: Asset, broker: ModelBroker, busted: int
) -> None:
    trade = bought(books, asset, 10, 5)
    sold_by_hand(books, asset, 6, 7)
    reconcile_for_a_while(books)
    order = books.trades[trade].order_id
    assert order is not None
    broker.bust(order, Decimal(busted))
    other = bought(books, broker.lists("MSFT", 1), 1, 1)
    books.advance(61)
    for _ in range(3):
        assert books.reconcile().differences == {"AAPL": "side"}
        books.advance(11)
    assert (books.trades[trade].status, books.trades[trade].rest) == ("open", Decimal(4))
    assert books.trades[other].filled


def test_a_trade_is_not_missed_while_what_ended_it_is_booked_to_one_that_is_closed_and_whose_entry_was_busted(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    busted = bought(books, asset, 1, 5)
    sold_by_hand(books, asset, 1, 7)
    reconcile_for_a_while(books)
    assert books.trades[busted].status == "closed"
    held = bought(books, asset, 1, 6)
    reconcile_for_a_while(books)
    order = books.trades[busted].order_id
    assert order is not None
    broker.bust(order, Decimal(1))
    assert broker.position(asset) == 0
    reconcile_for_a_while(books)
    assert books.trades[held].status == "open"
    assert books.reconcile().differences == {"AAPL": "quantity"}, "an operator settles it"


def test_a_trade_is_not_missed_while_what_ended_it_is_booked_to_one_whose_entry_was_busted(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    busted = bought(books, asset, 3, 5)
    books.advance(1)
    held = bought(books, asset, 1, 5)
    sold_by_hand(books, asset, 1, 7)
    reconcile_for_a_while(books)
    assert exits(books, busted) == [(1, 7)]
    order = books.trades[busted].order_id
    assert order is not None
    broker.bust(order, Decimal(3))
    assert broker.position(asset) == 0
    reconcile_for_a_while(books)
    assert (books.trades[held].status, books.trades[busted].status) == ("open", "open")
    assert books.reconcile().differences == {"AAPL": "quantity"}, "an operator settles it"


def test_a_sale_that_comes_after_a_settlement_is_not_taken_for_what_the_settlement_was_about(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    busted = bought(books, asset, 4, 10)
    sold_by_hand(books, asset, 4, 12)
    reconcile_for_a_while(books)
    held = bought(books, asset, 4, 11)
    reconcile_for_a_while(books)
    order = books.trades[busted].order_id
    assert order is not None
    broker.bust(order, Decimal(3))
    books.settle("close", trade_id=held, exit_price=Decimal(10), shares=Decimal(3))
    assert books.reconcile().differences == {}
    books.advance(30)
    sold_by_hand(books, asset, 1, 13)
    reconcile_for_a_while(books)
    assert (books.trades[held].status, exits(books, held)) == ("closed", [(3, 10), (1, 13)])


def test_a_sale_before_a_settlement_is_what_the_settlement_was_about(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    first, second = bought(books, asset, 4, 10), bought(books, asset, 4, 10)
    reconcile_for_a_while(books)
    sold_by_hand(books, asset, 4, 12)
    books.settle("close", trade_id=second, exit_price=Decimal(12))
    reconcile_for_a_while(books)
    assert exits(books, first) == []
    assert books.reconcile().differences == {}


def test_a_trade_is_not_missed_because_of_the_many_that_closed_of_another_asset_since(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    busted = bought(books, asset, 1, 5)
    sold_by_hand(books, asset, 1, 7)
    reconcile_for_a_while(books)
    other = broker.lists("MSFT", 1)
    for _ in range(2 * MOST_CLOSED):
        bought(books, other, 1, 5)
    sold_by_hand(books, other, 2 * MOST_CLOSED, 6)
    reconcile_for_a_while(books)
    held, gone = bought(books, asset, 1, 6), bought(books, other, 1, 6)
    reconcile_for_a_while(books)
    order = books.trades[busted].order_id
    assert order is not None
    broker.bust(order, Decimal(1))
    broker.pay_out(other, Decimal(5))
    reconcile_for_a_while(books)
    assert (books.trades[held].status, books.trades[gone].status) == ("open", "missed")
    assert books.reconcile().differences == {"AAPL": "quantity"}, "an operator settles it"
