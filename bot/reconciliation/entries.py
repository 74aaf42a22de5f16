"""What the broker's record says of the entries of trades. Pure."""

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
    """What entered a trade: shares, and by how much the broker's position may differ from them."""

    trade: LocalTrade
    shares: Decimal
    price: Decimal | None = None
    at: datetime | None = None
    order: Order | None = None
    #: Whether the broker's record said it, and it can no longer change but by a bust.
    is_final: bool = False
    #: Shares that may fill yet, and shares that filled so recently that the position may not show them; unsigned.
    left: Decimal = ZERO
    recent: Decimal = ZERO
    #: Shares whose exit was found.
    leaving: Decimal = ZERO

    @property
    def sign(self) -> int:
        """1 for a long trade, -1 for a short one."""
        return 1 if self.trade.shares > 0 else -1

    @property
    def open(self) -> Decimal:
        """Shares still held, unsigned."""
        return abs(self.shares) - abs(self.trade.exited) - self.leaving

    @property
    def is_overdrawn(self) -> bool:
        """Whether more exits are booked than filled in the end, as after a bust."""
        return self.is_final and abs(self.shares) < abs(self.trade.exited)

    @property
    def is_known(self) -> bool:
        """Whether anything says that it filled: what is recorded, or an order."""
        return self.trade.filled or self.order is not None

    @property
    def is_in_flight(self) -> bool:
        """Whether more of it may still fill, or has filled so lately that the position may lag."""
        return self.left > 0 or self.recent > 0


def read_entry(trade: LocalTrade, record: BrokerRecord, at: datetime) -> Entry:
    """What the broker's record says of the entry of *trade*, as of *at*; without a record, what the trade says."""
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
    # an order's own word is the newer one: a bust takes back what filled, and the list of fills can lag. But a successor
    # may count what its predecessor filled as its own: then it says more than the fills show of it
    filled = by_fills if by_fills and len(chain) > 1 and by_last < last.filled else by_orders
    sign = 1 if trade.shares > 0 else -1
    entry = Entry(trade, sign * filled, order=last)
    if filled:
        entry.price = _entry_price(chain, fills, filled)
        entry.at = min((fill.at for fill in fills), default=None) or last.filled_at or trade.entry_at
    entry.recent = min(
        sum((abs(fill.shares) for fill in fills if fill.at > recent), ZERO)
        or (filled if last.filled_at is not None and last.filled_at > recent else ZERO),
        filled,
    )
    if last.is_working:
        asked = last.left if last.left is not None else abs(trade.shares)
        entry.left = asked
    elif last.status == "replaced":
        # its successor is not to be found, so what may fill yet is not known
        entry.left = max((last.quantity or abs(trade.shares)) - filled, ZERO) or abs(trade.shares)
    else:
        entry.is_final = True
    return entry


def _entry_price(chain: Sequence[Order], fills: Sequence[Fill], filled: Decimal) -> Decimal | None:
    if sum((abs(fill.shares) for fill in fills), ZERO) == filled and len(chain) > 1:
        return average((fill.shares, fill.price) for fill in fills)
    priced = [(order.filled, order.average_price) for order in chain if order.filled and order.average_price]
    return average([(shares, price) for shares, price in priced if price]) if priced else None


def is_corrected(entry: Entry) -> bool:
    """Whether the broker's record differs from what the trade says."""
    trade = entry.trade
    return not trade.filled or entry.shares != trade.shares or entry.price != trade.entry_price
