"""Explains the open trades of one symbol by the broker's own record: their orders, the orders that replaced these, and the fills.

Pure: no network, no database, no clock. The rules are those of docs/reconciliation.md.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from bot.reconciliation.entries import Entry, is_corrected, read_entry
from bot.reconciliation.exits import ExitFound, Slack, find_exits
from bot.reconciliation.local import BookedExit, LocalTrade
from bot.reconciliation.record import ZERO, BrokerRecord


@dataclass(frozen=True)
class EntryFound:
    """A trade's entry by the broker's record, if that differs from the trade."""

    trade: LocalTrade
    shares: Decimal
    price: Decimal
    at: datetime
    order_id: str


@dataclass(frozen=True)
class Explanation:
    """The consequences of the broker's record for the trades of one symbol."""

    entries: tuple[EntryFound, ...]
    exits: tuple[ExitFound, ...]
    #: Trades whose entry is finished with nothing filled.
    void: tuple[LocalTrade, ...]
    #: Shares held after all of this is booked; negative is short.
    held: Decimal
    #: The range that the broker's position may be in, given what orders can still fill and how positions can lag.
    low: Decimal
    high: Decimal
    #: Trades with shares that may be in flight.
    in_flight: tuple[LocalTrade, ...]
    #: Trades that are held by this explanation and not in flight.
    settled: tuple[LocalTrade, ...]
    #: Trades of which the broker has to show some shares, whether or not others are in flight.
    certain: tuple[LocalTrade, ...]
    #: Whether the booked exits of a trade exceed the final fill of its entry, as after a bust: an operator has to settle that.
    is_overdrawn: bool
    #: Whether long and short trades of the asset are open at a time, or an end of one side may still lag: the broker nets them, so
    #: its position does not show which of them ended.
    is_mixed: bool

    def allows(self, shares: Decimal) -> bool:
        """Whether a position of *shares* agrees with this explanation."""
        return not self.is_overdrawn and self.low <= shares <= self.high


def explain(
    trades: Sequence[LocalTrade],
    symbols: Collection[str],
    booked: Sequence[BookedExit],
    record: BrokerRecord,
    at: datetime,
) -> Explanation:
    """Explain the open *trades* of one asset, which has had these *symbols*, as of *at* by the broker's and our clock."""
    entries = [read_entry(trade, record, at) for trade in trades]
    entered = record.entry_orders(trades)
    exits: list[ExitFound] = []
    sides: set[int] = set()
    held = low = high = ZERO
    for sign in (1, -1):
        own = [each for each in entries if each.sign == sign]
        found, slack = find_exits(sign, own, entered, symbols, booked, record, at)
        exits += found
        if slack.lagging or any(each.open > 0 or each.left > 0 for each in own):
            sides.add(sign)
        least, most = _range(own, slack)
        held += sign * _open(own)
        low, high = (low + least, high + most) if sign > 0 else (low - most, high - least)
    void = tuple(
        each.trade for each in entries if each.is_final and not each.shares and not each.trade.exited
    )
    corrected = tuple(
        EntryFound(each.trade, each.shares, each.price, each.at, each.order.id)
        for each in entries
        if each.is_final and each.shares and each.price and each.at and each.order and is_corrected(each)
        if not each.is_overdrawn
    )
    return Explanation(
        entries=corrected,
        exits=tuple(_bookable(entries, {each.trade.id for each in corrected}, exits)),
        void=void,
        held=held,
        low=low,
        high=high,
        in_flight=tuple(each.trade for each in entries if each.is_in_flight),
        settled=tuple(each.trade for each in entries if not each.is_in_flight and each.open > 0),
        certain=tuple(each.trade for each in entries if each.is_certain),
        is_overdrawn=any(each.is_overdrawn for each in entries),
        is_mixed=len(sides) > 1,
    )


def _open(entries: Sequence[Entry]) -> Decimal:
    return sum((each.open for each in entries), ZERO)


def _range(entries: Sequence[Entry], slack: Slack) -> tuple[Decimal, Decimal]:
    """The fewest and the most shares of *entries*, all of one side, that the broker may show; unsigned."""
    held = _open(entries)
    most = held + sum((each.left for each in entries), ZERO) + slack.lagging
    # also shares that were sold again: which trade a sale is booked to does not tell what a position lags
    recent = sum((each.recent for each in entries), ZERO)
    return max(held - recent, min(held, ZERO)) - slack.under_way, most


def _bookable(
    entries: Sequence[Entry], corrected: AbstractSet[UUID], exits: Sequence[ExitFound]
) -> list[ExitFound]:
    """The exits of trades whose entry is known; while an entry may still fill, no more is booked than its recorded shares."""
    room = {
        each.trade.id: (each.shares if each.trade.id in corrected else each.trade.shares) - each.trade.exited
        for each in entries
        if each.trade.filled or each.trade.id in corrected
    }
    found = []
    for exit_ in exits:
        if abs(exit_.shares) <= abs(room.get(exit_.trade.id, ZERO)):
            room[exit_.trade.id] -= exit_.shares
            found.append(exit_)
    return found
