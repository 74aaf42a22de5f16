"""Corporate actions: splits and changes of a symbol, over all accounts.

What they do to positions and orders follows Alpaca's page "Mandatory Corporate Actions"; what it does not say
is marked as an assumption.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from sandbox.account import Account
from sandbox.amounts import SHARE, ZERO
from sandbox.positions import Position
from sandbox.venue import Venue


def split(venue: Venue, accounts: Iterable[Account], symbol: str, old: Decimal, new: Decimal) -> None:
    """Turn every *old* shares into *new* ones: 1 into 4 is a forward split, 10 into 1 a reverse one.

    What a position cost stays the same, price and averages change. A reverse split cancels the open GTC orders; a
    forward split adjusts limit and stop prices and, as an assumption, quantities. Orders for the day are left
    alone: at Alpaca none lives through the night. Finished orders and their fills stay as they were.
    """
    ratio = new / old
    venue.prices.follow(symbol, symbol, old / new)
    for account in accounts:
        if (position := account.positions.get(symbol)) is not None:
            qty = (position.qty * ratio).quantize(SHARE)
            average = position.qty * position.avg_entry_price / qty if qty else ZERO
            after = [p for p in account.positions.values() if p.symbol != symbol]
            if qty:
                after.append(Position(symbol, position.asset_id, qty, average))
            account.hold(after)
        for order in account.books.working():
            if order.symbol != symbol or order.time_in_force != "gtc":
                continue
            if ratio < 1:
                account.books.finish(order, "canceled")
                continue
            order.qty = None if order.qty is None else order.qty * ratio
            order.filled_qty *= ratio
            for name in ("limit_price", "stop_price", "filled_avg_price"):
                if (price := getattr(order, name)) is not None:
                    setattr(order, name, price / ratio)
        account.touched()


def change_symbol(venue: Venue, accounts: Iterable[Account], old: str, new: str, *, new_cusip: bool) -> None:
    """Call the asset of *old* by the symbol *new*; with a new CUSIP it is another asset, with another id.

    Positions move over with what they cost. Assumptions: working orders are cancelled; finished ones and the
    fills keep the symbol and asset that they had.
    """
    asset = venue.assets.rename(old, new, new_cusip=new_cusip)
    venue.prices.follow(old, new, Decimal(1))
    for account in accounts:
        for order in account.books.working():
            if order.symbol == old:
                account.books.finish(order, "canceled")
        if (position := account.positions.get(old)) is not None:
            renamed = Position(new, asset, position.qty, position.avg_entry_price)
            account.hold(renamed if p is position else p for p in list(account.positions.values()))
