"""What the search found about an asset whose symbol changes: each the shortest history that it takes."""

from __future__ import annotations

from decimal import Decimal

from tests.bot.reconciliation.broker_model import Asset, ModelBroker
from tests.bot.reconciliation.found_by_search.histories import (
    bought,
    exits,
    reconcile_for_a_while,
    sold_by_hand,
)
from tests.bot.reconciliation.memory_books import MemoryBooks


def test_a_sale_under_the_new_symbol_does_not_end_a_second_trade_when_the_first_one_closed_under_the_old_symbol(
    books: MemoryBooks, asset: Asset
) -> None:
    first = bought(books, asset, 1, 10)
    reconcile_for_a_while(books)
    asset.symbol = "APPL"
    second = bought(books, asset, 3, 10)
    sold_by_hand(books, asset, 1, 12)
    reconcile_for_a_while(books)
    assert (books.trades[first].symbol, exits(books, first)) == ("AAPL", [(1, 12)])
    sold_by_hand(books, asset, 2, 13)
    reconcile_for_a_while(books)
    assert exits(books, second) == [(2, 13)]


def test_nor_is_a_trade_missed_while_what_ended_it_is_booked_to_a_busted_one_that_closed_under_the_old_symbol(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    busted = bought(books, asset, 1, 10)
    reconcile_for_a_while(books)
    asset.symbol = "APPL"
    sold_by_hand(books, asset, 1, 12)
    reconcile_for_a_while(books)
    assert (books.trades[busted].symbol, books.trades[busted].status) == ("AAPL", "closed")
    held = bought(books, asset, 1, 10)
    reconcile_for_a_while(books)
    order = books.trades[busted].order_id
    assert order is not None
    broker.bust(order, Decimal(1))
    reconcile_for_a_while(books)
    assert books.trades[held].status == "open"
    assert books.reconcile().differences == {"APPL": "quantity"}, "an operator settles it"


def test_one_sale_under_a_new_symbol_does_not_end_both_the_trade_of_the_old_symbol_and_a_new_one_when_all_is_sold(
    books: MemoryBooks, asset: Asset
) -> None:
    first = bought(books, asset, 3, 10)
    reconcile_for_a_while(books)
    asset.symbol = "APPL"
    second = bought(books, asset, 2, 10)
    sold_by_hand(books, asset, 3, 12)
    sold_by_hand(books, asset, 2, 13)
    reconcile_for_a_while(books)
    assert exits(books, first) == [(3, 12)]
    assert exits(books, second) == [(2, 13)]


def test_a_sale_under_a_symbol_that_no_reading_has_seen_is_found(
    books: MemoryBooks, broker: ModelBroker
) -> None:
    asset = broker.lists("AAPL", -1)
    trade = books.reserve(asset.symbol, Decimal(-2), Decimal(10))
    order = broker.send(asset, -1, Decimal(2), str(trade))
    broker.fill(order, Decimal(2), Decimal(10))
    reconcile_for_a_while(books)
    asset.symbol = "BPPL"
    bought_back = broker.send(asset, 1, Decimal(1))
    broker.fill(bought_back, Decimal(1), Decimal(9))
    asset.symbol = "CPPL"
    assert books.reconcile().differences == {}
    assert exits(books, trade) == [(-1, 9)]


def test_nor_is_it_booked_twice_if_it_ended_a_trade_that_no_reading_has_seen(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    held = bought(books, asset, 3, 10)
    reconcile_for_a_while(books)
    asset.symbol = "BPPL"
    short_lived = bought(books, asset, 2, 11)
    row, now = books.trades[short_lived], broker.clock()
    entry = next(each.id for each in broker.orders.values() if each.client_order_id == str(short_lived))
    books.record_entry(short_lived, entry, row.shares, row.price, now)
    sale = sold_by_hand(books, asset, 2, 12)
    books.record_exit(short_lived, Decimal(2), Decimal(12), now, sale)
    asset.symbol = "CPPL"
    sold_by_hand(books, asset, 1, 13)
    reconcile_for_a_while(books)
    assert exits(books, held) == [(1, 13)]


def test_a_trade_of_a_new_symbol_learns_its_asset_though_no_position_shows_it(
    books: MemoryBooks, asset: Asset
) -> None:
    first = bought(books, asset, 1, 10)
    reconcile_for_a_while(books)
    asset.symbol = "APPL"
    sold_by_hand(books, asset, 1, 12)
    second = books.reserve(asset.symbol, Decimal(2), Decimal(10))
    reconcile_for_a_while(books)
    assert exits(books, first) == [(1, 12)]
    assert books.trades[second].asset_id == asset.id, (
        "or that sale would be looked for as if it were not booked"
    )


def test_a_sale_under_a_symbol_between_is_found_though_a_short_trade_makes_up_for_it(
    books: MemoryBooks, asset: Asset, broker: ModelBroker
) -> None:
    long = bought(books, asset, 1, 10)
    reconcile_for_a_while(books)
    asset.symbol = "APPL"
    sold_by_hand(books, asset, 1, 12)
    asset.symbol = "APLE"
    short = books.reserve(asset.symbol, Decimal(-1), Decimal(13))
    broker.fill(broker.send(asset, -1, Decimal(1), str(short)), Decimal(1), Decimal(13))
    reconcile_for_a_while(books)
    assert exits(books, long) == [(1, 12)]
    assert books.trades[short].status == "open"


def test_a_new_trade_of_as_many_shares_does_not_take_the_position_of_one_under_a_former_symbol(
    books: MemoryBooks, asset: Asset
) -> None:
    held = bought(books, asset, 100, 10)
    reconcile_for_a_while(books)
    asset.symbol = "APPL"
    books.reserve(asset.symbol, Decimal(100), Decimal(11))
    for _ in range(3):
        books.advance(11)
        assert not books.reconcile().differences
    assert books.trades[held].status == "open"
