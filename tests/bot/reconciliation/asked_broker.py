"""A broker that notes what it is asked for, and the record that is read from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from bot.broker.readings import Fill, Order, Position
from bot.reconciliation.local import LocalTrade
from bot.reconciliation.record import BrokerRecord, Names
from bot.reconciliation.record_reader import read_record
from tests.bot.reconciliation.books import comparison
from tests.bot.reconciliation.broker_model import Asset, ModelBroker

ONE = Decimal(1)


@dataclass
class Asked(ModelBroker):
    """A broker that notes what it is asked for."""

    calls: list[Any] = field(default_factory=list)

    def order(self, order_id: str) -> Order | None:
        self.calls.append(order_id)
        return super().order(order_id)

    def order_by_client_id(self, client_order_id: str) -> Order | None:
        self.calls.append(client_order_id)
        return super().order_by_client_id(client_order_id)

    def orders_since(self, after: datetime | None, *, status: str = "all") -> list[Order]:
        self.calls.append((status, after))
        return super().orders_since(after, status=status)

    def fills_since(self, after: datetime) -> list[Fill]:
        self.calls.append(after)
        return super().fills_since(after)

    def symbol_of(self, asset_id: str) -> str | None:
        self.calls.append(asset_id)
        return super().symbol_of(asset_id)


def read(
    broker: Asked,
    trades: Sequence[LocalTrade],
    positions: Sequence[Position] = (),
    closed: Sequence[LocalTrade] = (),
    names: Names | None = None,
) -> BrokerRecord:
    questions = comparison(trades, positions).questions
    return read_record(cast(Any, broker), trades, questions, names or {}, closed)


def filled(broker: Asked, asset: Asset, side: int, name: str = "") -> str:
    order_id = broker.send(asset, side, ONE, name)
    broker.fill(order_id, ONE, Decimal(10))
    return order_id
