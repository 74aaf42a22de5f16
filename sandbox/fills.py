"""One execution of an order, and the cash that it moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sandbox.amounts import SHARE, plain
from sandbox.times import NEW_YORK, stamp, unix

_AMOUNTS = ("qty", "price", "cum_qty", "leaves_qty")


def fill_id(at: float) -> str:
    """An id as activities have it: the time in New York to the millisecond, two colons, a UUID."""
    moment = datetime.fromtimestamp(at, NEW_YORK)
    return f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 1000:03d}::{uuid4()}"


@dataclass(slots=True)
class Fill:
    """Shares of one order at one price. ``order_status`` is the order's after this fill."""

    id: str
    at: float
    order_id: str
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    cum_qty: Decimal
    leaves_qty: Decimal
    order_status: str
    busted: bool = False
    listed: bool = True  # among the account's activities
    scripted: bool = False  # told by a test: it moved neither cash nor a position

    @property
    def signed_qty(self) -> Decimal:
        """The shares, negative for a sale."""
        return self.qty if self.side == "buy" else -self.qty

    @property
    def cash(self) -> Decimal:
        """The dollars that it moved, negative for a purchase."""
        return -(self.signed_qty * self.price).quantize(SHARE)

    def row(self) -> dict[str, Any]:
        """The fill as ``GET /v2/account/activities/FILL`` answers it."""
        return {
            "id": self.id,
            "activity_type": "FILL",
            "transaction_time": stamp(self.at),
            "type": "fill" if self.order_status == "filled" else "partial_fill",
            "price": plain(self.price),
            "qty": plain(self.qty),
            "side": self.side,
            "symbol": self.symbol,
            "leaves_qty": plain(self.leaves_qty),
            "order_id": self.order_id,
            "cum_qty": plain(self.cum_qty),
            "order_status": self.order_status,
        }

    def as_json(self) -> dict[str, Any]:
        """Every field, for the state file and the control API."""
        row = {name: plain(v) if isinstance(v, Decimal) else v for name, v in asdict(self).items()}
        return {**row, "at": stamp(self.at)}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Fill:
        """The fill that ``as_json`` wrote."""
        amounts = {name: Decimal(row[name]) for name in _AMOUNTS}
        return cls(**{**row, **amounts, "at": unix(row["at"])})
