"""The broker's own record of the trades in question: orders, what replaced them, and fills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from bot.broker.readings import Fill, Order
from bot.reconciliation.local import LocalTrade

ZERO = Decimal(0)


@dataclass(frozen=True)
class BrokerRecord:
    """The orders and fills that were read for the trades in question."""

    #: Orders by their id, in small letters, every link of a chain of replacements among them.
    orders: Mapping[str, Order]
    #: Orders by their ``client_order_id``: the trade's id for an entry, ``<id>-exit-N`` for an exit.
    by_client_id: Mapping[str, Order]
    #: Fills, the first one in front.
    fills: Sequence[Fill]
    #: Trades whose order was not asked for, because there were too many: they are not written off.
    unasked: AbstractSet[UUID] = frozenset()

    def order(self, order_id: str | None) -> Order | None:
        """The order of that id, if it was read."""
        return self.orders.get(order_id.lower()) if order_id else None

    def chain_of(self, trade: LocalTrade) -> list[Order]:
        """The order that entered *trade*, what it replaced and what replaced it, the first one in front; empty when the
        broker has none."""
        order = self.order(trade.order_id) or self.by_client_id.get(str(trade.id))
        if order is None:
            return []
        links = [order]
        while (before := self.order(links[0].replaces)) is not None and before not in links:
            links.insert(0, before)
        while (after := self.order(links[-1].replaced_by)) is not None and after not in links:
            links.append(after)
        return links
