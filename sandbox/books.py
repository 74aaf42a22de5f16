"""The orders of one account, from the request to the last fill."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

from sandbox.amounts import ZERO, plain, rounded
from sandbox.cash import Movement
from sandbox.errors import ApiError, invalid, not_found, refused, unprocessable
from sandbox.fills import Fill, fill_id
from sandbox.order_form import Changes
from sandbox.orders import ON_ITS_WAY, OPEN, Order
from sandbox.positions import Position
from sandbox.times import stamp

if TYPE_CHECKING:
    from sandbox.account import Account

_ADVANCING = ON_ITS_WAY | {"new", "partially_filled"}


class Books:
    """Takes orders and fills them. No answer to a new order ever shows a fill: it comes a moment later."""

    def __init__(self, account: Account) -> None:
        self.orders: dict[str, Order] = {}
        self.fills: list[Fill] = []
        self._account = account
        self._venue = account.venue
        self._client_ids: dict[str, str] = {}
        self._working: dict[str, Order] = {}

    # -- taking orders ---------------------------------------------------------------------------------------

    def place(self, order: Order) -> None:
        """Take a new order: ``accepted`` while the market is closed, else ``pending_new``.

        Raises ApiError, in Alpaca's words, when the account may not trade, the client order id was used
        before, or money or shares do not suffice.
        """
        self._check_may_trade()
        self._check_client_id(order.client_order_id)
        shares = order.shares(self._price(order))
        if shares <= 0:
            raise invalid("qty must be > 0")
        self._check_cover(order, shares)
        self._submit(order)

    def replace(self, order: Order, changes: Changes, *, at_broker: bool = False) -> Order:
        """Replace a working order and return its successor, of which nothing has filled.

        Without a quantity of its own the successor asks for the *original* one again, whatever had filled
        (Alpaca-API#165). ``at_broker``: done in Alpaca's dashboard, where one that is still on its way is replaced
        as well. Raises ApiError when the order cannot be replaced, and then leaves it as it was.
        """
        if order.status not in OPEN:
            raise unprocessable(f'order is already in "{order.status}" state')
        if order.status in ("pending_cancel", "pending_replace") or (
            order.status in ON_ITS_WAY and not at_broker
        ):
            raise unprocessable("unable to replace order, order isn't sent to exchange yet")
        if order.qty is None:
            raise unprocessable("notional orders cannot be replaced")
        if not changes.alter(order) and not at_broker:
            raise unprocessable("order parameters are not changed")
        if changes.qty is not None and changes.qty != order.qty and order.qty % 1:
            raise unprocessable("the qty of a fractional order cannot be replaced")
        if changes.client_order_id is not None:
            self._check_client_id(changes.client_order_id)
        successor = replace(
            order,
            id=str(uuid4()),
            client_order_id=changes.client_order_id or str(uuid4()),
            qty=changes.qty or order.qty,
            time_in_force=changes.time_in_force or order.time_in_force,
            limit_price=changes.limit_price or order.limit_price,
            stop_price=changes.stop_price or order.stop_price,
            filled_qty=ZERO,
            filled_avg_price=None,
            filled_at=None,
            triggered=order.triggered and changes.stop_price is None,
            replaces=order.id,
        )
        del self._working[order.id]
        try:
            self._check_cover(successor, successor.shares(self._price(successor)))
        except ApiError:
            self._working[order.id] = order
            raise
        order.replaced_by = successor.id
        order.finish("replaced", self._venue.now())
        self._submit(successor)
        return successor

    def insert(self, order: Order) -> None:
        """Put an order on the books as it is, over one of the same id."""
        if (before := self.orders.get(order.id)) is not None:
            self._client_ids.pop(before.client_order_id, None)
        order.asset_id = order.asset_id or self._venue.assets.id(order.symbol)
        order.created_at = order.created_at or stamp(self._venue.now())
        if order.submitted_at == "":
            order.submitted_at = order.created_at
        order.updated_at = order.updated_at or order.created_at
        self.orders[order.id] = order
        self._client_ids[order.client_order_id] = order.id
        self._working.pop(order.id, None)
        if order.status in OPEN:
            self._working[order.id] = order
        self._account.touched()

    # -- finding orders --------------------------------------------------------------------------------------

    def order(self, order_id: str) -> Order:
        """The order of an id. Raises Alpaca's 404."""
        if order_id not in self.orders:
            raise not_found(f"order not found for {order_id}")
        return self.orders[order_id]

    def order_by_client_id(self, client_order_id: str) -> Order:
        """The order of a client order id. Raises Alpaca's 404."""
        if client_order_id not in self._client_ids:
            raise not_found(f"order not found for {client_order_id}")
        return self.orders[self._client_ids[client_order_id]]

    def working(self) -> list[Order]:
        """The orders that may still fill."""
        return list(self._working.values())

    def busy_symbols(self) -> set[str]:
        """The symbols that have a working order."""
        return {order.symbol for order in self._working.values()}

    def held(self, position: Position) -> Decimal:
        """The shares of a position that working orders against it have reserved."""
        against = [
            order.shares(self._price(order))
            for order in self._working.values()
            if order.symbol == position.symbol and order.sign * position.qty < 0
        ]
        return min(abs(position.qty), sum(against, ZERO))

    def reserved(self) -> Decimal:
        """The dollars that working buys may cost."""
        return sum((self._cost(order) for order in self._working.values() if order.side == "buy"), ZERO)

    # -- what becomes of them --------------------------------------------------------------------------------

    def settle(self) -> bool:
        """Bring every working order as far as the moment allows; whether any has changed."""
        now, changed = self._venue.now(), False
        for order in self.working():
            changed |= self._advance(order, now)
        if changed:
            self._account.touched()
        return changed

    def cancel(self, order: Order, status: str = "canceled") -> None:
        """End a working order. Raises Alpaca's 422 when it is finished or about to be."""
        if order.status not in OPEN or order.status == "pending_cancel":
            raise unprocessable(f'order is already in "{order.status}" state')
        self.finish(order, status)

    def finish(self, order: Order, status: str) -> None:
        """Give an order its last status."""
        order.finish(status, self._venue.now())
        self._working.pop(order.id, None)
        self._account.touched()

    def fill(self, order: Order, shares: Decimal, price: Decimal, at: float) -> Fill:
        """Fill shares of an order at a price: order, position, cash and the list of fills change together."""
        account = self._account
        account.remember(at)
        order.fill(shares, price, at)
        fill = self.record(order, shares, price, at)
        account.move(order.symbol, order.asset_id, fill.signed_qty, price)
        # The whole price moves, so cash also carries the profit or loss that a closing fill realised.
        account.cash.move(Movement(at, "fill", fill.cash, order.id, fill.id))
        if order.status not in OPEN:
            self._working.pop(order.id, None)
        return fill

    def record(self, order: Order, shares: Decimal, price: Decimal, at: float) -> Fill:
        """Note a fill that the order has already been given."""
        left = ZERO if order.status == "filled" else order.shares(price)
        fill = Fill(
            id=fill_id(at),
            at=at,
            order_id=order.id,
            symbol=order.symbol,
            side=order.side,
            qty=shares,
            price=price,
            cum_qty=order.filled_qty,
            leaves_qty=left,
            order_status=order.status,
        )
        self.fills.append(fill)
        self._account.touched()
        return fill

    def fills_of(self, order: Order) -> list[Fill]:
        """The fills of an order that still stand."""
        return [fill for fill in self.fills if fill.order_id == order.id and not fill.busted]

    # -- inside ----------------------------------------------------------------------------------------------

    def _advance(self, order: Order, now: float) -> bool:
        if order.scripted or order.status not in _ADVANCING:
            return False
        if not (self._venue.clock.says_open() or order.extended_hours):
            order.due_at = 0.0
            return False
        if routed := order.status in ON_ITS_WAY:
            order.status, order.updated_at = "new", stamp(now)
        held = self._venue.hold_fills if self._account.hold_fills is None else self._account.hold_fills
        waits = order.symbol in self._venue.halted or not order.see(self._price(order))
        if waits and order.time_in_force in ("ioc", "fok"):
            self.finish(order, "canceled")
            return True
        if waits or held or order.held:
            order.due_at = 0.0  # whatever it waits for, it fills as soon as that comes
            return routed
        if now < order.due_at:
            return routed
        price = self._price(order)
        self.fill(order, order.shares(price), price, order.due_at or now)
        return True

    def _submit(self, order: Order) -> None:
        now, delay = self._venue.now(), self._account.fill_delay_sec
        order.created_at = order.submitted_at = order.updated_at = stamp(now)
        order.due_at = now + (self._venue.fill_delay_sec if delay is None else delay)
        order.status = "pending_new" if self._venue.clock.says_open() else "accepted"
        if order.scripted:
            order.status = "new"  # nothing else would ever bring it there
        position = self._account.positions.get(order.symbol)
        closes = position is not None and position.qty * order.sign < 0
        order.position_intent = f"{order.side}_to_{'close' if closes else 'open'}"
        self.insert(order)

    def _price(self, order: Order) -> Decimal:
        return self._venue.prices.price(order.symbol)

    def _cost(self, order: Order) -> Decimal:
        price = self._price(order)
        return order.shares(price) * (order.limit_price or max(price, order.stop_price or ZERO))

    def _check_may_trade(self) -> None:
        flags = self._account.flags
        if flags["trade_suspended_by_user"]:
            raise refused("new orders are rejected by user request")
        if flags["trading_blocked"] or flags["account_blocked"] or self._account.status != "ACTIVE":
            raise refused("account is not allowed to trade")

    def _check_client_id(self, client_order_id: str) -> None:
        if client_order_id in self._client_ids:
            raise invalid("client_order_id must be unique")

    def _check_cover(self, order: Order, shares: Decimal) -> None:
        """Whether shares or money suffice. As at Alpaca, no one order turns a long into a short."""
        position = self._account.positions.get(order.symbol)
        if position is not None and position.qty * order.sign < 0:
            if shares > (available := abs(position.qty) - self.held(position)):
                raise _too_few(position, shares, available)
            return
        cost = self._cost(order)
        if order.side == "sell":
            if shares % 1:
                raise unprocessable("fractional orders cannot be sold short")
            if not self._account.flags["shorting_enabled"]:
                raise refused("account is not allowed to short")
        if cost > (power := self._account.buying_power()):
            raise refused("insufficient buying power", buying_power=rounded(power), cost_basis=rounded(cost))


def _too_few(position: Position, shares: Decimal, available: Decimal) -> ApiError:
    figures = f"requested: {plain(shares)}, available: {plain(available)}"
    return refused(
        f"insufficient qty available for order ({figures})",
        available=plain(available),
        existing_qty=plain(abs(position.qty)),
        held_for_orders=plain(abs(position.qty) - available),
        symbol=position.symbol,
    )
