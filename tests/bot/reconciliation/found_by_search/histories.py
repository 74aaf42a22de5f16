"""What happens in a short history, and what the books say of it."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from tests.bot.reconciliation.broker_model import Asset
from tests.bot.reconciliation.memory_books import MemoryBooks


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


def shares_of(books: MemoryBooks, trade: UUID) -> tuple[int, int]:
    """Shares that entered, and that are still held."""
    return int(books.trades[trade].shares), int(books.trades[trade].rest)
