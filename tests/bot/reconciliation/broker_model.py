"""A small broker with exact numbers: orders, fills, replacements, busts, splits, symbol changes, and answers that lag.

What happened and what is shown are two things: a position and the list of fills may show a fill only later, as at Alpaca.
It answers the calls of ``bot.broker.alpaca.Alpaca`` itself, or through a ``FakeAccount`` over HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import UUID

from bot.broker.readings import Fill, Order, Position
from tests.bot.fake_account import FakeAccount
from tests.bot.fake_holdings import written

ZERO = Decimal(0)
#: Averages have so many decimal places.
PLACES = Decimal("1e-15")


@dataclass
class Asset:
    """One asset."""

    id: str
    symbol: str
    #: The side on which the machine trades it: 1 for long, -1 for short, 0 for both.
    side: int


@dataclass
class Move:
    """A change of a position. Shares are signed."""

    asset_id: str
    shares: Decimal
    shown_at: datetime


@dataclass
class Filled:
    """A fill, and when the list of fills begins to show it."""

    fill: Fill
    asset_id: str
    listed_at: datetime


@dataclass
class ModelBroker:
    """The broker. *clock* tells its time; shares of orders are unsigned, of positions signed."""

    clock: Callable[[], datetime]
    #: Whether an order that replaces another counts what that one filled as its own.
    inherits: bool = False
    assets: dict[str, Asset] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    fills: list[Filled] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    #: US dollars that came in, by asset; negative is paid.
    cash: dict[str, Decimal] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    # -- what happens -------------------------------------------------------------------------------------------

    def lists(self, symbol: str, side: int) -> Asset:
        """A new asset."""
        asset = Asset(self._id(), symbol, side)
        self.assets[asset.id] = asset
        self.cash[asset.id] = ZERO
        return asset

    def send(self, asset: Asset, side: int, quantity: Decimal, client_order_id: str = "") -> str:
        """Accept an order; its id."""
        order_id = self._id()
        self.orders[order_id] = Order(
            id=order_id,
            client_order_id=client_order_id or self._id(),
            symbol=asset.symbol,
            asset_id=asset.id,
            side=side,
            status="accepted",
            quantity=quantity,
            filled=ZERO,
            average_price=None,
            submitted_at=self.clock(),
            filled_at=None,
            replaces=None,
            replaced_by=None,
        )
        return order_id

    def fill(
        self, order_id: str, shares: Decimal, price: Decimal, *, shown_in: float = 0, listed_in: float = 0
    ) -> Fill:
        """Fill *shares* of an order; the position shows it so many seconds later, and the list of fills."""
        order, now = self.orders[order_id], self.clock()
        total = order.filled + shares
        paid = order.filled * (order.average_price or ZERO) + shares * price
        self.orders[order_id] = replace(
            order,
            filled=total,
            average_price=(paid / total).quantize(PLACES).normalize(),
            filled_at=now,
            status="filled" if total == order.quantity else "partially_filled",
        )
        fill = Fill(self._id(), order_id, order.symbol, order.side * shares, price, now)
        self.fills.append(Filled(fill, order.asset_id, now + timedelta(seconds=listed_in)))
        self.moves.append(Move(order.asset_id, fill.shares, now + timedelta(seconds=shown_in)))
        self.cash[order.asset_id] -= fill.shares * price
        return fill

    def cancel(self, order_id: str) -> None:
        """Finish an order with what it has filled."""
        self.orders[order_id] = replace(self.orders[order_id], status="canceled")

    def replace(self, order_id: str, quantity: Decimal) -> str:
        """Have another order take an order's place, for *quantity* shares that are left; its id."""
        old = self.orders[order_id]
        new = replace(
            old,
            id=self._id(),
            client_order_id=self._id(),
            replaces=order_id,
            submitted_at=self.clock(),
            status="accepted",
            quantity=quantity + old.filled if self.inherits else quantity,
            filled=old.filled if self.inherits else ZERO,
            average_price=old.average_price if self.inherits else None,
            filled_at=old.filled_at if self.inherits else None,
        )
        if self.inherits and old.filled:
            new = replace(new, status="partially_filled")
        self.orders[old.id] = replace(old, status="replaced", replaced_by=new.id)
        self.orders[new.id] = new
        return new.id

    def bust(self, order_id: str, shares: Decimal) -> None:
        """Take back *shares* of what an order filled; its average price and the list of fills stay."""
        order = self.orders[order_id]
        self.orders[order_id] = replace(order, filled=order.filled - shares)
        self.moves.append(Move(order.asset_id, -order.side * shares, self.clock()))
        self.cash[order.asset_id] += order.side * shares * (order.average_price or ZERO)

    def pay_out(self, asset: Asset, price: Decimal) -> Decimal:
        """Take the whole position for *price* a share, as a merger does: no order and no fill tells of it."""
        shares = self.position(asset)
        self.moves.append(Move(asset.id, -shares, self.clock()))
        self.cash[asset.id] += shares * price
        return shares

    def split(self, asset: Asset, ratio: Decimal) -> None:
        """Give *ratio* shares for each; nothing else tells of it."""
        self.moves.append(Move(asset.id, self.position(asset) * (ratio - 1), self.clock()))

    def position(self, asset: Asset) -> Decimal:
        """What is held in truth, shown or not."""
        return sum((move.shares for move in self.moves if move.asset_id == asset.id), ZERO)

    def working(self, asset: Asset) -> list[Order]:
        """Orders that may still fill."""
        return [order for order in self.orders.values() if order.asset_id == asset.id and order.is_working]

    def age(self, seconds: float) -> None:
        """Let time go by for a clock that cannot be moved: everything happened so much earlier."""
        by = timedelta(seconds=seconds)
        for name, order in self.orders.items():
            self.orders[name] = replace(
                order,
                submitted_at=order.submitted_at and order.submitted_at - by,
                filled_at=order.filled_at and order.filled_at - by,
            )
        for filled in self.fills:
            filled.fill = replace(filled.fill, at=filled.fill.at - by)
            filled.listed_at -= by
        for move in self.moves:
            move.shown_at -= by

    # -- what is shown: the calls of bot.broker.alpaca.Alpaca ---------------------------------------------------

    def positions(self) -> list[Position]:
        """The positions, as far as they are shown by now."""
        now, held = self.clock(), dict.fromkeys(self.assets, ZERO)
        for move in self.moves:
            if move.shown_at <= now:
                held[move.asset_id] += move.shares
        return [
            Position(
                symbol=self.assets[asset_id].symbol,
                asset_id=asset_id,
                asset_class="us_equity",
                shares=shares,
                available=shares,
                avg_entry_price=Decimal(10),
                current_price=Decimal(10),
                market_value=shares * 10,
                open_pnl=ZERO,
            )
            for asset_id, shares in held.items()
            if shares
        ]

    def symbol_of(self, asset_id: str) -> str | None:
        """See ``Alpaca``."""
        return self.assets[asset_id].symbol if asset_id in self.assets else None

    def order(self, order_id: str) -> Order | None:
        """See ``Alpaca``."""
        return self.orders.get(order_id)

    def order_by_client_id(self, client_order_id: str) -> Order | None:
        """See ``Alpaca``."""
        return next((each for each in self.orders.values() if each.client_order_id == client_order_id), None)

    def chain(self, order: Order) -> list[Order]:
        """See ``Alpaca``."""
        links = [order]
        while links[-1].replaced_by:
            links.append(self.orders[links[-1].replaced_by])
        return links

    def orders_since(self, after: datetime | None, *, status: str = "all") -> list[Order]:
        """See ``Alpaca``."""
        return [
            order
            for order in self.orders.values()
            if (status == "all" or order.is_working)
            and (after is None or (order.submitted_at is not None and order.submitted_at >= after))
        ]

    def fills_since(self, after: datetime) -> list[Fill]:
        """See ``Alpaca``."""
        now = self.clock()
        return [each.fill for each in self.fills if each.listed_at <= now and each.fill.at >= after]

    def show(self, account: FakeAccount) -> None:
        """Put all that is shown by now into *account*, which answers over HTTP."""
        account.holds()
        for each in self.positions():
            account.position(each.symbol, each.shares, asset_id=each.asset_id)
        account.orders.clear()
        for order in self.orders.values():
            account.order(
                order.status,
                order.symbol,
                order.quantity,
                side="buy" if order.side > 0 else "sell",
                at=order.submitted_at,
                id=order.id,
                client_order_id=order.client_order_id,
                asset_id=order.asset_id,
                filled_qty=f"{order.filled:f}",
                filled_avg_price=order.average_price and f"{order.average_price:f}",
                filled_at=order.filled_at and written(order.filled_at),
                replaces=order.replaces,
                replaced_by=order.replaced_by,
            )
        account.fills[:] = [
            {
                "id": fill.id,
                "activity_type": "FILL",
                "transaction_time": written(fill.at),
                "type": "fill",
                "price": f"{fill.price:f}",
                "qty": f"{abs(fill.shares):f}",
                "side": "buy" if fill.shares > 0 else "sell",
                "symbol": fill.symbol,
                "order_id": fill.order_id,
            }
            for fill in self.fills_since(datetime.min.replace(tzinfo=self.clock().tzinfo))
        ]

    def _id(self) -> str:
        return str(UUID(int=next(self._numbers), version=4))
