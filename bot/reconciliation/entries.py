"""The entries of trades by the broker's record. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.booking.amounts import average
from bot.broker.readings import Fill, Order
from bot.reconciliation.local import LAG, LocalTrade
from bot.reconciliation.record import ZERO, BrokerRecord


@dataclass
class Entry:
    """The entry of a trade: its shares, and by how much the broker's position may differ from them."""

    trade: LocalTrade
    shares: Decimal
    price: Decimal | None = None
    at: datetime | None = None
    order: Order | None = None
    #: Whether this is from the broker's record and final, except for a bust.
    is_final: bool = False
    #: Shares that may still fill, and shares that filled so recently that the position may not show them; unsigned.
    left: Decimal = ZERO
    recent: Decimal = ZERO
    #: Shares for which an exit was found, and shares that an order is selling which is still working; unsigned.
    leaving: Decimal = ZERO
    under_way: Decimal = ZERO

    @property
    def sign(self) -> int:
        """1 for a long trade, -1 for a short one."""
        return 1 if self.trade.shares > 0 else -1

    @property
    def open(self) -> Decimal:
        """Shares still held, unsigned."""
        return abs(self.shares) - abs(self.trade.exited) - self.leaving

    @property
    def is_certain(self) -> bool:
        """Whether the broker has to show some of its shares by now, and an order that is still working does not sell them."""
        return self.open > self.recent + self.under_way

    @property
    def is_overdrawn(self) -> bool:
        """Whether the booked exits exceed the final fill, as after a bust."""
        return self.is_final and abs(self.shares) < abs(self.trade.exited)

    @property
    def is_known(self) -> bool:
        """Whether it is known to have filled, from the books or from an order."""
        return self.trade.filled or self.order is not None

    @property
    def is_in_flight(self) -> bool:
        """Whether more of it may still fill, or has filled so recently that the position may lag."""
        return self.left > 0 or self.recent > 0


def read_entry(trade: LocalTrade, record: BrokerRecord, at: datetime) -> Entry:
    """The entry of *trade* by the broker's record as of *at*; without a record, by the trade itself."""
    recent = at - LAG
    chain = [] if trade.adjusted_at is not None else record.chain_of(trade)
    if not chain or chain[-1].side * trade.shares < 0:
        entry = Entry(trade, trade.shares)
        if not trade.filled and trade.created_at > recent:
            # its order may not have been sent yet, or its id is on the way back
            entry.shares, entry.left = ZERO, abs(trade.shares)
        elif max(trade.entry_at, trade.created_at) > recent:
            entry.recent = abs(trade.shares)
        return entry
    last = chain[-1]
    fills = [fill for order in chain for fill in record.fills_of(order)]
    by_orders = sum((order.filled for order in chain), ZERO)
    by_fills = sum((abs(fill.shares) for fill in fills), ZERO)
    by_last = sum((abs(fill.shares) for fill in record.fills_of(last)), ZERO)
    # the order itself is newer than the list of fills, which can lag, and it shows a bust
    filled, is_clear = by_orders, True
    if by_last < last.filled < by_orders:
        # a successor that counts its predecessors' fills as its own, or that list lags: only time tells which
        is_clear = last.filled_at is None or last.filled_at <= recent
        filled = by_fills if by_fills and is_clear else by_orders
    sign = 1 if trade.shares > 0 else -1
    entry = Entry(trade, sign * filled, order=last)
    if filled:
        entry.price = _entry_price(chain, fills, filled)
        entry.at = min((fill.at for fill in fills), default=None) or last.filled_at or trade.entry_at
    listed = sum((abs(fill.shares) for fill in fills if fill.at > recent), ZERO)
    if not is_clear or (not listed and last.filled_at is not None and last.filled_at > recent):
        listed = filled
    entry.recent = min(listed, filled)
    if last.is_working:
        asked = last.left if last.left is not None else abs(trade.shares)
        entry.left = asked
    elif last.status == "replaced":
        # its successor cannot be found, so it is unknown what may still fill
        entry.left = max((last.quantity or abs(trade.shares)) - filled, ZERO) or abs(trade.shares)
    else:
        entry.is_final = is_clear
    return entry


def _entry_price(chain: Sequence[Order], fills: Sequence[Fill], filled: Decimal) -> Decimal | None:
    if sum((abs(fill.shares) for fill in fills), ZERO) == filled and len(chain) > 1:
        return average((fill.shares, fill.price) for fill in fills)
    priced = [(order.filled, order.average_price) for order in chain if order.filled and order.average_price]
    return average([(shares, price) for shares, price in priced if price]) if priced else None


def is_corrected(entry: Entry) -> bool:
    """Whether the broker's record differs from the trade."""
    trade = entry.trade
    return not trade.filled or entry.shares != trade.shares or entry.price != trade.entry_price
