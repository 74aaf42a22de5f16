"""What happens to an account without a program: manual trades of its owner, busts and corrected prices."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

from sandbox.account import Account
from sandbox.amounts import ZERO
from sandbox.cash import Movement
from sandbox.errors import unprocessable
from sandbox.fills import Fill, fill_id
from sandbox.orders import Order
from sandbox.times import stamp


def trade_by_hand(
    account: Account, symbol: str, side: str, shares: Decimal, price: Decimal, at: float
) -> Order:
    """Buy or sell as the owner would in Alpaca's dashboard: a market order that no program sent, and its fill."""
    asset = account.venue.assets.id(symbol)
    position = account.positions.get(symbol)
    closes = position is not None and (position.qty < 0) == (side == "buy")
    order = Order(
        id=str(uuid4()),
        client_order_id=str(uuid4()),
        symbol=symbol,
        asset_id=asset,
        side=side,
        qty=shares,
        position_intent=f"{side}_to_{'close' if closes else 'open'}",
        status="new",
        created_at=stamp(at),
    )
    account.books.insert(order)
    account.books.fill(order, shares, price, at)
    return order


def bust(account: Account, order: Order, *, keep_activities: bool = False) -> None:
    """Undo every fill of an order: shares and cash go back, ``filled_qty`` is "0".

    The average price, the time and the status stay, as in the ``trade_bust`` event that Alpaca documents. The
    activities of these fills are no longer listed, unless they are to be kept: what Alpaca does there is not known.
    """
    for fill in _standing(account, order):
        _undo(account, fill, "bust")
        fill.listed = keep_activities
    order.filled_qty = ZERO
    order.updated_at = stamp(account.venue.now())
    account.touched()


def correct(account: Account, order: Order, price: Decimal) -> None:
    """Give every fill of an order another price. Shares stay, cash changes by the difference."""
    books, now = account.books, account.venue.now()
    for fill in _standing(account, order):
        _undo(account, fill, "correction")
        fill.listed = False
        again = replace(fill, id=fill_id(fill.at), price=price, busted=False, listed=True)
        books.fills.append(again)
        if not again.scripted:
            account.move(order.symbol, order.asset_id, again.signed_qty, price)
            account.cash.move(Movement(now, "correction", again.cash, order.id, again.id))
    order.filled_avg_price = price
    order.updated_at = stamp(now)
    account.touched()


def _standing(account: Account, order: Order) -> list[Fill]:
    if not (fills := account.books.fills_of(order)):
        raise unprocessable(f"nothing of order {order.id} has filled")
    return fills


def _undo(account: Account, fill: Fill, kind: str) -> None:
    now = account.venue.now()
    account.remember(now)
    fill.busted = True
    if fill.scripted:
        return
    asset = account.books.order(fill.order_id).asset_id
    account.move(fill.symbol, asset, -fill.signed_qty, fill.price)
    account.cash.move(Movement(now, kind, -fill.cash, fill.order_id, fill.id))
