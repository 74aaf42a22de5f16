"""What the search of ``test_property`` found once: each the shortest history that it takes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from bot.reconciliation.local import MOST_CLOSED
from tests.bot.reconciliation.broker_model import Asset, ModelBroker
from tests.bot.reconciliation.memory_books import Clock, MemoryBooks


@pytest.fixture
def broker() -> ModelBroker:
    return ModelBroker(Clock(datetime(2026, 11, 20, 15, tzinfo=UTC)))


@pytest.fixture
def books(broker: ModelBroker) -> MemoryBooks:
    return MemoryBooks(broker)


@pytest.fixture
def asset(broker: ModelBroker) -> Asset:
    return broker.lists("AAPL", 1)


def bought(books: MemoryBooks, asset: Asset, shares: int, price: int) -> UUID:
    """A trade whose order filled; the executor died before it could record that."""
    trade = books.reserve(asset.symbol, Decimal(shares), Decimal(price))
    order = books.broker.send(asset, 1, Decimal(shares), str(trade))
    books.broker.fill(order, Decimal(shares), Decimal(price))
    return trade


def sold_by_hand(books: MemoryBooks, asset: Asset, shares: int, price: int) -> str:
    order = books.broker.send(asset, -1, Decimal(shares))
    books.broker.fill(order, Decimal(shares), Decimal(price))
    return order


def exits(books: MemoryBooks, trade: UUID) -> list[tuple[int, int]]:
    return [(int(each.shares), int(each.price)) for each in books.trades[trade].exits]


def reconcile_for_a_while(books: MemoryBooks) -> None:
    books.advance(61)
    for _ in range(4):
        books.reconcile()
        books.advance(11)


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


def shares_of(books: MemoryBooks, trade: UUID) -> tuple[int, int]:
    """Shares that entered, and that are still held."""
    return int(books.trades[trade].shares), int(books.trades[trade].rest)


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
