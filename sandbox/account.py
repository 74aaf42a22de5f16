"""One simulated account: its cash, its positions and its orders."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import uuid5

from sandbox.amounts import SHARE, ZERO, plain, rounded
from sandbox.assets import NAMESPACE
from sandbox.errors import ApiError, invalid, not_found, refused, unprocessable
from sandbox.orders import OPEN, Order, timestamp
from sandbox.positions import Position
from sandbox.prices import Prices

STARTING_CASH = Decimal(100_000)  # what Alpaca gives a new paper account
MULTIPLIER = 2  # Regulation T: a dollar of equity carries two of positions
FLAGS = (
    "trading_blocked",
    "account_blocked",
    "transfers_blocked",
    "trade_suspended_by_user",
    "pattern_day_trader",
    "shorting_enabled",
)


class Account:
    """One account. All money is in dollars, all quantities are shares. The market's lock must be held."""

    def __init__(self, key: str, prices: Prices) -> None:
        self.key = key
        # Derived from the key, so that an account is the same one after its state was thrown away.
        self.id = str(uuid5(NAMESPACE, f"account/{key}"))
        self.secret_hash: str | None = None
        self.created_at = timestamp()
        self.status = "ACTIVE"
        self.flags: dict[str, bool] = {flag: flag == "shorting_enabled" for flag in FLAGS}
        self.daytrade_count = 0
        self.cash = STARTING_CASH
        self.realized_pl = ZERO
        self.positions: dict[str, Position] = {}
        self.orders: dict[str, Order] = {}
        self._client_ids: dict[str, str] = {}
        self._working: dict[str, Order] = {}
        self._prices = prices
        self._changes = 0
        self._worth: tuple[Any, tuple[Decimal, Decimal]] = (None, (ZERO, ZERO))
        self._list: tuple[Any, bytes] = (None, b"")

    # -- what it is worth ------------------------------------------------------------------------------------

    def market_values(self) -> tuple[Decimal, Decimal]:
        """What the longs and the shorts are worth now; the second is negative or zero."""
        moment = (self._changes, self._prices.revision())
        if self._worth[0] != moment:
            values = [p.qty * self._prices.price(p.symbol) for p in self.positions.values()]
            longs = sum((v for v in values if v > 0), ZERO)
            self._worth = (moment, (longs, sum(values, ZERO) - longs))
        return self._worth[1]

    def buying_power(self) -> Decimal:
        """What may still be bought: twice the equity that margin leaves free, less working buys."""
        longs, shorts = self.market_values()
        free = self.cash + longs + shorts - (longs - shorts) / MULTIPLIER
        reserved = sum((self._cost(order) for order in self._working.values() if order.side == "buy"), ZERO)
        return max(ZERO, free * MULTIPLIER - reserved)

    def row(self) -> dict[str, Any]:
        """The account as ``GET /v2/account`` answers it."""
        longs, shorts = self.market_values()
        equity, margin = self.cash + longs + shorts, (longs - shorts) / MULTIPLIER
        power = rounded(self.buying_power())
        return {
            "id": self.id,
            "account_number": f"PA{self.id[:10].replace('-', '').upper()}",
            "status": self.status,
            "crypto_status": "INACTIVE",
            "currency": "USD",
            "buying_power": power,
            "regt_buying_power": power,
            "daytrading_buying_power": "0",
            "non_marginable_buying_power": rounded(max(ZERO, self.cash)),
            "cash": rounded(self.cash),
            "accrued_fees": "0",
            "pending_transfer_in": "0",
            "portfolio_value": rounded(equity),
            "created_at": self.created_at,
            "multiplier": str(MULTIPLIER),
            **self.flags,
            "equity": rounded(equity),
            "last_equity": plain(STARTING_CASH),
            "long_market_value": rounded(longs),
            "short_market_value": rounded(shorts),
            "initial_margin": rounded(margin),
            "maintenance_margin": rounded((longs - shorts) * Decimal("0.3")),
            "last_maintenance_margin": "0",
            "sma": "0",
            "daytrade_count": self.daytrade_count,
        }

    # -- positions -------------------------------------------------------------------------------------------

    def position(self, symbol_or_id: str) -> Position:
        """The open position of a symbol or an asset id. Raises Alpaca's 404 when there is none."""
        found = self.positions.get(symbol_or_id)
        if found is None and len(symbol_or_id) == 36:
            found = next((p for p in self.positions.values() if p.asset_id == symbol_or_id), None)
        if found is None:
            raise not_found("position does not exist")
        return found

    def position_text(self, position: Position) -> str:
        """One position as JSON."""
        return self._text(position, self._held(position))

    def positions_list(self) -> bytes:
        """All positions as a JSON list, kept until a position, an order or a price changes."""
        moment = (self._changes, self._prices.revision())
        if self._list[0] != moment:
            busy = {order.symbol for order in self._working.values()}
            rows = [
                self._text(p, self._held(p) if p.symbol in busy else ZERO) for p in self.positions.values()
            ]
            self._list = (moment, f"[{','.join(rows)}]".encode())
        return self._list[1]

    def replace_positions(self, positions: Iterable[Position]) -> None:
        """Hold exactly these positions. Cash and orders stay as they are."""
        self.positions = {p.symbol: p for p in positions}
        self._changes += 1

    # -- orders ----------------------------------------------------------------------------------------------

    def place(self, order: Order, *, hold: bool) -> None:
        """Take a new order, and fill it at once if its price allows and fills are not held.

        Raises ApiError, in Alpaca's words, when the account may not trade, the client order id was used
        before, or money or shares do not suffice.
        """
        self._check_may_trade()
        if order.client_order_id in self._client_ids:
            raise invalid("client_order_id must be unique")
        shares = order.shares(self._prices.price(order.symbol))
        if shares <= 0:
            raise invalid("qty must be > 0")
        self._check_cover(order, shares)
        self.insert(order)
        if not hold:
            self.settle()
            if order.status == "new" and order.time_in_force in ("ioc", "fok"):
                self._finish(order, "canceled")

    def insert(self, order: Order) -> None:
        """Put an order on the books as it is, over one of the same id."""
        if (before := self.orders.get(order.id)) is not None:
            self._client_ids.pop(before.client_order_id, None)
        order.created_at = order.created_at or timestamp()
        order.updated_at = order.updated_at or order.created_at
        self.orders[order.id] = order
        self._client_ids[order.client_order_id] = order.id
        self._working.pop(order.id, None)
        if order.status in OPEN:
            self._working[order.id] = order
        self._changes += 1

    def settle(self) -> bool:
        """Fill every working order whose price allows it; whether any was filled."""
        due = [
            order
            for order in self._working.values()
            if not order.scripted and order.crosses(self._prices.price(order.symbol))
        ]
        for order in due:
            self._fill(order, self._prices.price(order.symbol))
        return bool(due)

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

    def working_orders(self) -> list[Order]:
        """The orders that may still fill."""
        return list(self._working.values())

    def cancel(self, order: Order) -> None:
        """Cancel a working order. Raises Alpaca's 422 when it is finished or about to be."""
        if order.status not in OPEN or order.status == "pending_cancel":
            raise unprocessable(f'order is already in "{order.status}" state')
        self._finish(order, "canceled")

    # -- inside ----------------------------------------------------------------------------------------------

    def _text(self, position: Position, held: Decimal) -> str:
        prices = self._prices
        return position.text(prices.price(position.symbol), prices.close_before(position.symbol), held)

    def _check_may_trade(self) -> None:
        if self.flags["trade_suspended_by_user"]:
            raise refused("new orders are rejected by user request")
        if self.flags["trading_blocked"] or self.flags["account_blocked"] or self.status != "ACTIVE":
            raise refused("account is not allowed to trade")

    def _check_cover(self, order: Order, shares: Decimal) -> None:
        """Whether shares or money suffice. As at Alpaca, no one order turns a long into a short."""
        position = self.positions.get(order.symbol)
        if position is not None and position.qty * order.sign < 0:
            if shares > (available := abs(position.qty) - self._held(position)):
                raise self._too_few(position, shares, available)
            return
        cost = self._cost(order)
        if order.side == "sell":
            if shares % 1:
                raise unprocessable("fractional orders cannot be sold short")
            if not self.flags["shorting_enabled"]:
                raise refused("account is not allowed to short")
        if cost > (power := self.buying_power()):
            raise refused("insufficient buying power", buying_power=rounded(power), cost_basis=rounded(cost))

    def _too_few(self, position: Position, shares: Decimal, available: Decimal) -> ApiError:
        figures = f"requested: {plain(shares)}, available: {plain(available)}"
        return refused(
            f"insufficient qty available for order ({figures})",
            available=plain(available),
            existing_qty=plain(abs(position.qty)),
            held_for_orders=plain(abs(position.qty) - available),
            symbol=position.symbol,
        )

    def _held(self, position: Position) -> Decimal:
        """The shares of a position that working orders against it have reserved."""
        price = self._prices.price(position.symbol)
        against = [
            order.shares(price)
            for order in self._working.values()
            if order.symbol == position.symbol and order.sign * position.qty < 0
        ]
        return min(abs(position.qty), sum(against, ZERO))

    def _cost(self, order: Order) -> Decimal:
        price = self._prices.price(order.symbol)
        return order.shares(price) * (order.limit_price or price)

    def _fill(self, order: Order, price: Decimal) -> None:
        shares = order.shares(price)
        position = self.positions.get(order.symbol) or Position(order.symbol)
        self.realized_pl += position.fill(shares * order.sign, price)
        # The whole price moves, so cash also carries the profit or loss that a closing fill realised.
        self.cash -= (shares * order.sign * price).quantize(SHARE)
        if position.qty:
            self.positions[order.symbol] = position
        else:
            self.positions.pop(order.symbol, None)
        order.filled_qty += shares
        order.filled_avg_price = price
        order.filled_at = timestamp()
        self._finish(order, "filled")

    def _finish(self, order: Order, status: str) -> None:
        order.status = status
        order.updated_at = timestamp()
        if status == "canceled":
            order.canceled_at = order.updated_at
        self._working.pop(order.id, None)
        self._changes += 1
