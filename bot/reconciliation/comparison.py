"""What follows from what was read on both sides. Pure: no network, no database, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from bot.broker.readings import Account
from bot.states import Mode

ZERO = Decimal(0)


@dataclass(frozen=True)
class Local:
    """The open trades, added up by symbol; shares are signed, short is negative."""

    mode: Mode
    began_at: datetime
    shares: Mapping[str, Decimal]
    trades: Mapping[str, int]


@dataclass(frozen=True)
class LocalTrade:
    """One open trade, as its row was when Alpaca was asked about it."""

    id: UUID
    symbol: str
    shares: Decimal
    order: str | None
    #: Reserved a moment ago: its order may not even have been sent yet.
    reserved: bool
    #: Tells whether the row was touched since.
    updated_at: datetime

    def may_fill(self, working: Set[str]) -> bool:
        """Whether its shares may be on their way to the broker, *working* being the orders that may still fill."""
        return self.reserved or self.order in working


@dataclass(frozen=True)
class Difference:
    """A symbol of which the two sides hold different quantities."""

    symbol: str
    #: Whether a trade of it was open.
    known: bool
    #: Shares of its open trades but for the missing ones.
    here: Decimal
    there: Decimal
    #: Shares that may still be on their way, negative and positive ones: all of them, some or none are there.
    in_flight: tuple[Decimal, Decimal]

    def explained_by(self, here: Decimal) -> bool:
        """Whether *here*, less what may still be on its way, is what the broker has."""
        sold, bought = self.in_flight
        return here - bought <= self.there <= here - sold

    def as_json(self) -> dict[str, Any]:
        """The report's entry; its kind is unknown_here, quantity or side."""
        kind = ("side" if self.here * self.there < 0 else "quantity") if self.known else "unknown_here"
        return {"symbol": self.symbol, "kind": kind, "here": f"{self.here:f}", "there": f"{self.there:f}"}


@dataclass(frozen=True)
class Comparison:
    """What was read, and what follows from it."""

    mode: Mode
    began_at: datetime
    #: When the last read of the positions began: the evidence's age counts from here.
    read_at: datetime
    account: Account
    open_trades: int
    broker_positions: int
    #: Trades whose symbol has the same quantity on both sides.
    matched: int
    #: Trades of other symbols whose order may still fill.
    in_flight: int
    #: Trades without a position in two reads, whose order can no longer fill.
    missing: tuple[LocalTrade, ...]
    disputed: tuple[Difference, ...]


def unequal(here: Local, there: Mapping[str, Decimal]) -> set[str]:
    """The symbols of which the two sides hold different quantities."""
    found = {symbol for symbol, shares in here.shares.items() if there.get(symbol, ZERO) != shares}
    return found | (there.keys() - here.shares.keys())


def compare(
    here: Local,
    trades: Sequence[LocalTrade],
    working: Set[str],
    first: Mapping[str, Decimal],
    last: Mapping[str, Decimal],
    *,
    account: Account,
    read_at: datetime,
) -> Comparison:
    """Compare *here* with two reads of the positions; they may be one and the same if no symbol is absent in it.

    *trades* are the open trades of every symbol that was unequal in the first read, *working* those of their orders
    that may still fill.
    """
    of_symbol: dict[str, list[LocalTrade]] = {}
    for trade in trades:
        of_symbol.setdefault(trade.symbol, []).append(trade)

    disputed, missing, in_flight = [], [], 0
    for symbol in sorted(unequal(here, last)):
        found = of_symbol.get(symbol, [])
        shares = here.shares.get(symbol, ZERO)
        on_their_way = [trade for trade in found if trade.may_fill(working)]
        gone = []
        # rows that add up to something else are not those that were compared
        if symbol not in first and symbol not in last and _sum(found) == shares:
            gone = [trade for trade in found if not trade.may_fill(working)]
        disputed.append(
            Difference(
                symbol=symbol,
                known=symbol in here.shares,
                here=shares - _sum(gone),
                there=last.get(symbol, ZERO),
                in_flight=(
                    _sum([trade for trade in on_their_way if trade.shares < 0]),
                    _sum([trade for trade in on_their_way if trade.shares > 0]),
                ),
            )
        )
        missing += gone
        in_flight += len(on_their_way)
    disputed_symbols = {found.symbol for found in disputed}
    return Comparison(
        mode=here.mode,
        began_at=here.began_at,
        read_at=read_at,
        account=account,
        open_trades=sum(here.trades.values()),
        broker_positions=len(last),
        matched=sum(count for symbol, count in here.trades.items() if symbol not in disputed_symbols),
        in_flight=in_flight,
        missing=tuple(missing),
        disputed=tuple(disputed),
    )


def _sum(trades: Sequence[LocalTrade]) -> Decimal:
    return sum((trade.shares for trade in trades), ZERO)
