"""Alpaca's answers in Pitboss's own terms: exact numbers, aware times, signed shares.

Every value here was understood completely; any other answer is a BrokerError (``bot.broker.alpaca``).
Amounts are US dollars. Shares are signed: negative is short, and of an order or a fill, sold.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import msgspec

#: Statuses of an order that can no longer fill. Every other may: new, accepted, partially_filled, held, suspended and
#: so on, and those that Alpaca has yet to invent. A replaced order lives on in its successor.
FINISHED = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})


@dataclass(frozen=True, slots=True)
class Account:
    """One account."""

    id: str
    #: ACTIVE, or why it is not: INACTIVE, ACCOUNT_CLOSED, ONBOARDING and others.
    status: str
    #: Names of the flags by which Alpaca, or the owner, blocks the account from trading.
    blocks: tuple[str, ...]
    equity: Decimal
    last_equity: Decimal
    cash: Decimal
    buying_power: Decimal
    #: Market values of the positions: long ones positive, short ones negative.
    long_market_value: Decimal
    short_market_value: Decimal

    @property
    def objections(self) -> tuple[str, ...]:
        """Why the account may not trade now; empty when it may."""
        status = () if self.status == "ACTIVE" else (f"status {self.status}",)
        return status + self.blocks


@dataclass(frozen=True, slots=True)
class Clock:
    """The exchange's hours as the broker sees them."""

    at: datetime
    is_open: bool
    next_open: datetime
    next_close: datetime


class Position(msgspec.Struct, frozen=True, gc=False):
    """Shares held of one asset. There may be 100,000: a dataclass takes ten times as long to make."""

    symbol: str
    asset_id: str
    #: ``us_equity``, ``crypto`` and others; empty if Alpaca does not say.
    asset_class: str
    shares: Decimal
    #: Shares that are not held for a working order.
    available: Decimal
    avg_entry_price: Decimal
    #: None if the broker has no price.
    current_price: Decimal | None
    market_value: Decimal | None
    open_pnl: Decimal | None


@dataclass(frozen=True, slots=True)
class Order:
    """One order, as it was when it was read."""

    id: str
    client_order_id: str
    #: Empty for an order of several legs.
    symbol: str
    asset_id: str
    #: 1 for a buy, -1 for a sale, 0 for an order of several legs that has no side.
    side: int
    status: str
    #: Shares asked for, unsigned; None for an order by amount.
    quantity: Decimal | None
    #: Shares filled so far, unsigned; a bust can reduce them.
    filled: Decimal
    #: Average price of the fills; a bust does not change it. None if Alpaca does not say.
    average_price: Decimal | None
    submitted_at: datetime | None
    filled_at: datetime | None
    replaces: str | None
    replaced_by: str | None

    @property
    def is_working(self) -> bool:
        """Whether this order itself may still fill; of a replaced order only the successor may."""
        return self.status not in FINISHED

    @property
    def left(self) -> Decimal | None:
        """Shares that may still fill, unsigned; None if unknown."""
        if not self.is_working:
            return Decimal(0)
        return None if self.quantity is None else max(self.quantity - self.filled, Decimal(0))


@dataclass(frozen=True, slots=True)
class Fill:
    """One fill, or part of a fill, from the account's activities."""

    id: str
    order_id: str
    symbol: str
    #: Signed: bought is positive, sold is negative.
    shares: Decimal
    price: Decimal
    at: datetime
