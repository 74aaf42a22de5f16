"""The broker's own record of the trades in question: orders, the orders that replaced them, and fills."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import TypeVar
from uuid import UUID

from bot.broker.readings import Fill, Order
from bot.reconciliation.local import LocalTrade

T = TypeVar("T")
Names = Mapping[str, AbstractSet[str]]
ZERO = Decimal(0)


@dataclass(frozen=True)
class BrokerRecord:
    """The orders and fills that were read for the trades in question."""

    #: Orders by their id in lower case, including every link of a chain of replacements.
    orders: Mapping[str, Order]
    #: Orders by their ``client_order_id``: the trade's id for an entry, ``<id>-exit-N`` for an exit.
    by_client_id: Mapping[str, Order]
    #: Fills, oldest first.
    fills: Sequence[Fill]
    #: Trades whose order was not read because there were too many: they are not written off.
    unasked: AbstractSet[UUID] = frozenset()
    #: Recently closed trades of the assets whose position is gone.
    closed: Sequence[LocalTrade] = ()
    #: Every symbol that the assets in question have or had, by the asset's id.
    names: Names = field(default_factory=dict)
    #: Orders that entered other trades of the books, by their id in lower case.
    entered: AbstractSet[str] = frozenset()

    @cached_property
    def _fills_by_order(self) -> Mapping[str, Sequence[Fill]]:
        return _grouped((fill.order_id.lower(), fill) for fill in self.fills)

    @cached_property
    def _fills_by_symbol(self) -> Mapping[str, Sequence[Fill]]:
        return _grouped((fill.symbol, fill) for fill in self.fills)

    @cached_property
    def _exits_by_trade(self) -> Mapping[str, Sequence[Order]]:
        named = ((name.partition("-exit-"), order) for name, order in self.by_client_id.items())
        return _grouped((trade_id, order) for (trade_id, marker, _), order in named if marker)

    def fills_of(self, order: Order) -> Sequence[Fill]:
        """The fills of *order*, oldest first."""
        return self._fills_by_order.get(order.id.lower(), ())

    def fills_in(self, symbols: Iterable[str]) -> Sequence[Fill]:
        """The fills of these *symbols*."""
        return [fill for symbol in symbols for fill in self._fills_by_symbol.get(symbol, ())]

    def exits_named_after(self, trade: LocalTrade) -> Sequence[Order]:
        """The exit orders whose client order id names *trade*."""
        return self._exits_by_trade.get(str(trade.id), ())

    def order(self, order_id: str | None) -> Order | None:
        """The order of that id, if it was read."""
        return self.orders.get(order_id.lower()) if order_id else None

    def names_of(self, order_id: str) -> AbstractSet[str]:
        """Under what the books may know an order: its id, its client order id, and the ids of those next to it in its chain."""
        order = self.order(order_id)
        links = (order.client_order_id, order.replaces, order.replaced_by) if order else ()
        return {name for name in (order_id, *links) if name}

    def with_entries(self, fills: Iterable[Fill], shares_of: Mapping[str, Decimal]) -> BrokerRecord:
        """This, with the orders of *fills* that entered a trade, whatever became of it; *shares_of* has the shares of trades by
        such names."""
        entered = {
            fill.order_id.lower()
            for fill in fills
            for name in self.names_of(fill.order_id)
            if fill.shares * shares_of.get(name, ZERO) > 0
        }
        return replace(self, entered=entered)

    def entry_orders(self, trades: Iterable[LocalTrade]) -> AbstractSet[str]:
        """The ids, in lower case, of orders that entered *trades* or other ones of the books."""
        chains = ((trade, order) for trade in trades for order in self.chain_of(trade))
        return self.entered | {order.id.lower() for trade, order in chains if order.side * trade.shares > 0}

    def up_to(self, order: Order) -> list[Order]:
        """*order* after those that it and its predecessors replaced, oldest first, as far as they were read."""
        links = [order]
        while (before := self.order(links[0].replaces)) is not None and before not in links:
            links.insert(0, before)
        return links

    def chain_of(self, trade: LocalTrade) -> list[Order]:
        """The order that entered *trade*, with those that it replaced and that replaced it, oldest first; empty if the broker has
        none."""
        order = self.order(trade.order_id) or self.by_client_id.get(str(trade.id))
        if order is None:
            return []
        links = self.up_to(order)
        while (after := self.order(links[-1].replaced_by)) is not None and after not in links:
            links.append(after)
        return links


def _grouped(pairs: Iterable[tuple[str, T]]) -> Mapping[str, Sequence[T]]:
    found: dict[str, list[T]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found
