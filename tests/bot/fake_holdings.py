"""What lies in an account at a played Alpaca, in Alpaca's own form: a test puts it there.

Positions do not follow fills, nor fills orders' ends: at Alpaca each of them can lag behind the others, and a test says how.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID, uuid4, uuid5

from tests.bot import fake

_ASSETS = UUID("6f1bd6a4-2c0f-4b4e-9d3c-1f1f6a1d9a10")
Row = dict[str, Any]


def asset_id(symbol: str) -> str:
    """The id under which the played Alpaca knows *symbol*."""
    return str(uuid5(_ASSETS, symbol))


def written(at: datetime) -> str:
    """A time as Alpaca writes it, to the nanosecond."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"


class FakeHoldings:
    """Its methods put things there, or change them; a row's further fields are named as Alpaca's."""

    def __init__(self) -> None:
        #: By symbol, by id, and oldest first.
        self.positions: dict[str, Row] = {}
        self.orders: dict[str, Row] = {}
        self.fills: list[Row] = []
        #: New symbols, by the asset's id.
        self.renamed: dict[str, str] = {}
        self._account: Row = {**fake.ACCOUNT, "id": str(uuid4())}
        for derived in ("long_market_value", "short_market_value"):
            del self._account[derived]
        self._clock: Row = {}
        self._numbers = count(1)

    def account(self, **fields: Any) -> Row:
        """The account, after these changes. Market values are those of the positions unless they are given."""
        self._account |= fields
        values = [Decimal(row["market_value"] or 0) for row in self.positions.values()]
        longs, shorts = sum(v for v in values if v > 0), sum(v for v in values if v < 0)
        return {"long_market_value": str(longs), "short_market_value": str(shorts), **self._account}

    def clock(self, *, is_open: bool = True, at: datetime | str | None = None, **fields: Any) -> Row:
        """What the exchange's clock shows from now on; it does not run, except where no *at* was given."""
        self._clock = {"is_open": is_open, "timestamp": at, **fields}
        return self._clock_row()

    def holds(self, **shares: Any) -> None:
        """Hold exactly these positions, each bought and worth 10 dollars a share."""
        self.holds_all(shares)

    def holds_all(self, shares: Mapping[str, Any]) -> None:
        """The same, for symbols that are no names in Python."""
        self.positions.clear()
        for symbol, quantity in shares.items():
            self.position(symbol, quantity)

    def position(
        self, symbol: str, shares: Any, price: Any = 10, *, current: Any = None, held: Any = 0, **fields: Any
    ) -> Row:
        """Hold this position, *held* shares of it by working orders; none at 0 shares."""
        quantity, entry = Decimal(str(shares)), Decimal(str(price))
        worth = entry if current is None else Decimal(str(current))
        self.positions.pop(symbol, None)
        row = {
            "asset_id": asset_id(symbol),
            "symbol": symbol,
            "exchange": "NASDAQ",
            "asset_class": "us_equity",
            "asset_marginable": True,
            "qty": str(quantity),
            "qty_available": str(quantity - Decimal(str(held)).copy_sign(quantity)),
            "avg_entry_price": str(entry),
            "side": "long" if quantity > 0 else "short",
            "market_value": str(quantity * worth),
            "cost_basis": str(quantity * entry),
            "unrealized_pl": str(quantity * (worth - entry)),
            "current_price": str(worth),
            **fields,
        }
        if quantity:
            self.positions[symbol] = row
        return row

    def order(
        self,
        status: str = "new",
        symbol: str = "AAPL",
        qty: Any = 10,
        *,
        side: str = "buy",
        filled: Any = 0,
        price: Any = None,
        at: datetime | None = None,
        **fields: Any,
    ) -> str:
        """Put an order there, submitted *at* (now), of which *filled* shares were filled at *price*; its id.

        Of a filled order all are filled unless *filled* says otherwise. No fill is recorded: see ``fill``.
        """
        order_id = str(fields.pop("id", None) or uuid4())
        done = Decimal(str(qty if status == "filled" and not filled else filled))
        stamp = written(at or datetime.now(UTC))
        self.orders[order_id] = {
            "id": order_id,
            "client_order_id": str(uuid4()),
            "created_at": stamp,
            "updated_at": stamp,
            "submitted_at": stamp,
            "filled_at": stamp if status == "filled" else None,
            "canceled_at": stamp if status == "canceled" else None,
            "replaced_by": None,
            "replaces": None,
            "asset_id": asset_id(symbol),
            "symbol": symbol,
            "asset_class": "us_equity",
            "notional": None,
            "qty": None if qty is None else str(qty),
            "filled_qty": str(done),
            "filled_avg_price": str(10 if price is None else price) if done else None,
            "order_class": "",
            "type": "market",
            "side": side,
            "time_in_force": "day",
            "status": status,
            "legs": None,
            **fields,
        }
        return order_id

    def fill(self, order_id: str, shares: Any, price: Any = 10, at: datetime | None = None) -> str:
        """Fill *shares* (unsigned) of an order at *price*: the order shows it, and the activities; the fill's id."""
        order = self.orders[order_id]
        size, cost = Decimal(str(shares)), Decimal(str(price))
        before = Decimal(order["filled_qty"])
        total = before + size
        paid = before * Decimal(order["filled_avg_price"] or 0) + size * cost
        is_all = order["qty"] is not None and total >= Decimal(order["qty"])
        stamp = written(at or datetime.now(UTC))
        order |= {
            "filled_qty": str(total),
            "filled_avg_price": str(paid / total),
            "status": "filled" if is_all else "partially_filled",
            "filled_at": stamp,
            "updated_at": stamp,
        }
        fill_id = f"{re.sub('[^0-9]', '', stamp)[:17]}{next(self._numbers):04}::{uuid4()}"
        self.fills.append(
            {
                "id": fill_id,
                "account_id": self._account["id"],
                "activity_type": "FILL",
                "transaction_time": stamp,
                "type": "fill" if is_all else "partial_fill",
                "price": str(cost),
                "qty": str(size),
                "side": order["side"],
                "symbol": order["symbol"],
                "leaves_qty": "0" if order["qty"] is None else str(Decimal(order["qty"]) - total),
                "order_id": order_id,
                "cum_qty": str(total),
                "order_status": order["status"],
            }
        )
        return fill_id

    def bust(self, order_id: str) -> None:
        """Take an order's fills back; as at Alpaca, it keeps its price, and the activities their rows."""
        self.orders[order_id]["filled_qty"] = "0"

    def replace(self, order_id: str, **fields: Any) -> str:
        """Replace an order by another, which differs in these fields; the other's id."""
        old = self.orders[order_id]
        new = {**old, "id": str(uuid4()), "client_order_id": str(uuid4()), "replaces": order_id, **fields}
        old |= {"status": "replaced", "replaced_by": new["id"]}
        self.orders[new["id"]] = new
        return str(new["id"])

    def _clock_row(self) -> Row:
        row = {"is_open": True, "timestamp": None, **self._clock}
        at = row["timestamp"] or datetime.now(UTC)
        if isinstance(at, datetime):
            row["timestamp"] = written(at)
            row.setdefault("next_open", written(at + timedelta(hours=18)))
            row.setdefault("next_close", written(at + timedelta(hours=1 if row["is_open"] else 24)))
        return row
