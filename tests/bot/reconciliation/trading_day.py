"""A day of trading in any order: an executor that can die at any point, people who sell by other programs, a broker that
busts, splits and lags; and reconciliation, which has to keep the books right."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Protocol, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from bot.broker.readings import Order
from tests.bot.reconciliation.broker_model import PLACES, ZERO, Asset, ModelBroker
from tests.bot.reconciliation.memory_books import Conflict, Found, Row

T = TypeVar("T")
CENT = Decimal("0.01")
LAG_SEC = 61
sizes = st.integers(1, 9).map(Decimal)
prices = st.decimals(min_value=1, max_value=20, places=2)
#: Seconds until the position, and the list of fills, shows a fill.
shown = st.sampled_from((0, 0, 5, 50))
listed = st.sampled_from((0, 0, 5))


class Books(Protocol):
    """What the executor and the operator use; each method that changes something may raise Conflict."""

    def rows(self) -> Mapping[UUID, Row]: ...
    def reserve(self, symbol: str, shares: Decimal, price: Decimal) -> UUID: ...
    def attach(self, trade_id: UUID, order_id: str) -> None: ...
    def record_entry(
        self, trade_id: UUID, order_id: str, shares: Decimal, price: Decimal, at: datetime
    ) -> None: ...
    def void(self, trade_id: UUID) -> None: ...
    def record_exit(
        self, trade_id: UUID, shares: Decimal, price: Decimal, at: datetime, order_id: str
    ) -> None: ...
    def settle(self, action: str, **params: Any) -> None: ...
    def reconcile(self) -> Found: ...
    def advance(self, seconds: float) -> None: ...


@dataclass
class Plan:
    """What the executor knows of a trade."""

    asset: Asset
    #: 1 for long, -1 for short.
    side: int
    wanted: Decimal
    order: str | None = None
    exits: list[str] = field(default_factory=list)
    recorded: set[str] = field(default_factory=set)
    is_dead: bool = False


class TradingDay(RuleBasedStateMachine):
    """Ends each example with everything settled: then Σ P&L is what the broker's cash says."""

    #: Kinds of events that struck, of all examples.
    struck: ClassVar[Counter[str]]

    books: Books
    broker: ModelBroker

    @abstractmethod
    def begin(self, *, inherits: bool) -> None:
        """Make ``broker`` and ``books``."""

    @initialize(inherits=st.booleans(), sides=st.tuples(*[st.sampled_from((1, 1, -1, 0))] * 2))
    def open_the_market(self, inherits: bool, sides: tuple[int, ...]) -> None:
        self.begin(inherits=inherits)
        self.assets = [self.broker.lists(f"S{n}", side) for n, side in enumerate(sides)]
        self.names = {each.symbol: each.id for each in self.assets}
        self.plans: dict[UUID, Plan] = {}
        #: Orders that enter trades.
        self.entering: set[str] = set()
        #: Assets to which something happened that no record tells, and the price that an operator knows of it.
        self.odd: dict[str, tuple[str, Decimal]] = {}
        self.struck["example"] += 1

    def one_of(self, data: st.DataObject, items: Sequence[T]) -> T:
        """Any of *items*; a failing example shows which one by its number."""
        return items[data.draw(st.integers(0, len(items) - 1))]

    def strikes(self, kind: str) -> None:
        self.struck[kind] += 1

    def teardown(self) -> None:
        if sys.exc_info()[0] is None and hasattr(self, "plans"):
            self.settle_everything()
        self.end()

    def end(self) -> None:
        """Release what ``begin`` took."""

    # -- the market -------------------------------------------------------------------------------------------

    @rule(data=st.data(), price=prices)
    def enter(self, data: st.DataObject, price: Decimal) -> None:
        """A reservation; mostly its order is sent at once."""
        asset = self.one_of(data, self.assets)
        if self.is_odd(asset, "merger") or self.is_odd(asset, "entry bust"):
            return  # it is traded no more
        wanted = data.draw(sizes)
        side = asset.side or data.draw(st.sampled_from((1, -1)))
        trade_id = self.books.reserve(asset.symbol, side * wanted, price)
        plan = self.plans[trade_id] = Plan(asset, side, wanted)
        self.strikes("reservation" if asset.side else "reservation of an asset that is traded on both sides")
        if data.draw(st.integers(0, 5)):
            self.send(trade_id, plan)
            if data.draw(st.booleans()):
                self.fill(data, self.broker.orders[str(plan.order)], price)

    def send(self, trade_id: UUID, plan: Plan) -> None:
        plan.order = self.broker.send(plan.asset, plan.side, plan.wanted, str(trade_id))
        self.entering.add(plan.order)
        self.strikes("entry order")

    @rule(data=st.data(), price=prices)
    def trade(self, data: st.DataObject, price: Decimal) -> None:
        """An order fills in part or whole, is cancelled, or replaced."""
        working = [order for asset in self.assets for order in self.broker.working(asset)]
        if not working:
            return
        order = self.one_of(data, working)
        match data.draw(st.sampled_from(("fill", "fill", "fill", "cancel", "replace"))):
            case "fill":
                self.fill(data, order, price)
            case "cancel":
                self.broker.cancel(order.id)
                self.strikes(
                    "order cancelled with nothing filled"
                    if not order.filled
                    else "order cancelled when partly filled"
                )
            case "replace":
                new = self.broker.replace(order.id, order.left or ZERO)
                if order.id in self.entering:
                    self.entering.add(new)
                for plan in self.plans.values():
                    plan.order = new if plan.order == order.id else plan.order
                    if order.id in plan.exits:
                        plan.exits.append(new)
                self.strikes("order replaced" + (" when partly filled" if order.filled else ""))

    def fill(self, data: st.DataObject, order: Order, price: Decimal) -> None:
        left = int(order.left or 0)
        shares = Decimal(data.draw(st.one_of(st.just(left), st.integers(1, left))))
        shown_in, listed_in = data.draw(shown), data.draw(listed)
        self.broker.fill(order.id, shares, price, shown_in=shown_in, listed_in=listed_in)
        self.strikes("partial fill" if shares < left else "fill of the rest")
        if shown_in:
            self.strikes("position that lags")
        if listed_in:
            self.strikes("list of fills that lags")

    def available(self, asset: Asset, side: int) -> int:
        """Shares of one side of the position that no working order holds."""
        leaving = [order for order in self.broker.working(asset) if order.side != side]
        if asset.side:
            held = self.broker.position(asset) * side
        else:
            # the broker nets both sides
            leaving = [order for order in leaving if order.id not in self.entering]
            fills = [each.fill for each in self.broker.fills if each.asset_id == asset.id]
            own = [fill for fill in fills if fill.shares * side * (fill.order_id in self.entering or -1) > 0]
            held = sum((fill.shares * side for fill in own), ZERO)
        return max(int(held - sum((order.left or ZERO for order in leaving), ZERO)), 0)

    @rule(data=st.data(), price=prices)
    def sell_from_elsewhere(self, data: st.DataObject, price: Decimal) -> None:
        """A sale that the executor knows nothing of."""
        sides = [
            (asset, side) for asset in self.assets for side in ((asset.side,) if asset.side else (1, -1))
        ]
        held = [(asset, side) for asset, side in sides if self.available(asset, side)]
        if not held:
            return
        asset, side = self.one_of(data, held)
        size = Decimal(data.draw(st.integers(1, self.available(asset, side))))
        order = self.broker.orders[self.broker.send(asset, -side, size)]
        self.fill(data, order, price)
        self.strikes("hand sale" if asset.side else "hand sale of an asset that is traded on both sides")

    # -- the executor -----------------------------------------------------------------------------------------

    @rule(data=st.data())
    def execute(self, data: st.DataObject) -> None:
        """The next thing of one trade; or the program dies, and never says another word of it."""
        living = [trade_id for trade_id, plan in self.plans.items() if not plan.is_dead]
        if not living:
            return
        trade_id = self.one_of(data, living)
        plan = self.plans[trade_id]
        if data.draw(st.integers(0, 7)) == 0:
            plan.is_dead = True
            self.strikes("executor died")
            return
        try:
            self.go_on(data, trade_id, plan)
        except Conflict:
            self.strikes("the ledger said no to the executor")

    def go_on(self, data: st.DataObject, trade_id: UUID, plan: Plan) -> None:
        if plan.order is None:
            # by the row, which grows old in the books whose clock cannot be moved
            if self.broker.clock() - self.books.rows()[trade_id].created_at < timedelta(seconds=50):
                self.send(trade_id, plan)
            return
        row = self.books.rows()[trade_id]
        last = self.broker.orders[plan.order]
        if not row.filled and row.status == "open":
            if last.is_working:
                self.books.attach(trade_id, plan.order)
                self.strikes("order recorded")
            else:
                self.record_entry(trade_id, plan)
            return
        fills = [each.fill for each in self.broker.fills if each.fill.order_id in plan.exits]
        unsaid = [fill for fill in fills if fill.id not in plan.recorded]
        says_it: bool = data.draw(st.booleans())
        if unsaid and says_it:
            fill = self.one_of(data, unsaid)
            plan.recorded.add(fill.id)
            self.books.record_exit(trade_id, -fill.shares, fill.price, fill.at, fill.order_id)
            self.strikes("exit recorded")
        elif row.status == "open" and not any(self.broker.orders[each].is_working for each in plan.exits):
            room = min(
                int(abs(row.rest)) - int(sum(abs(each.shares) for each in unsaid)),
                self.available(plan.asset, plan.side),
            )
            if room > 0:
                size = Decimal(data.draw(st.one_of(st.just(room), st.integers(1, room))))
                name = f"{trade_id}-exit-{len(plan.exits) + 1}"
                plan.exits.append(self.broker.send(plan.asset, -plan.side, size, name))
                self.strikes("exit order")

    def record_entry(self, trade_id: UUID, plan: Plan) -> None:
        chain = [self.broker.orders[str(plan.order)]]
        while chain[-1].replaces:
            chain.append(self.broker.orders[chain[-1].replaces])
        ids = {order.id for order in chain}
        fills = [each.fill for each in self.broker.fills if each.fill.order_id in ids]
        filled = sum((abs(fill.shares) for fill in fills), ZERO)
        if not filled:
            self.books.void(trade_id)
            self.strikes("entry withdrawn")
            return
        paid = sum((abs(fill.shares) * fill.price for fill in fills), ZERO)
        price = (paid / filled).quantize(PLACES).normalize()
        self.books.record_entry(trade_id, chain[0].id, plan.side * filled, price, fills[0].at)
        self.strikes("entry recorded")

    # -- what no program of ours does -------------------------------------------------------------------------

    @rule(data=st.data(), price=prices)
    def something_odd(self, data: st.DataObject, price: Decimal) -> None:
        """A bust, a split, a merger, a purchase by hand, another symbol; at most one of them for each asset."""
        asset = self.one_of(data, self.assets)
        if asset.id in self.odd:
            return
        kinds = ("entry bust", "exit bust", "split", "merger", "hand buy", "rename")
        match data.draw(st.sampled_from(kinds if asset.side else ("rename",))):
            case "entry bust" | "exit bust" as kind:
                self.bust(data, asset, kind)
            case "split":
                self.split(asset, data.draw(st.sampled_from((Decimal(2), Decimal(3), Decimal("0.5")))))
            case "merger":
                if not self.broker.working(asset) and self.broker.position(asset):
                    self.books.advance(LAG_SEC)
                    self.broker.pay_out(asset, price)
                    self.is_now_odd(asset, "merger", price)
            case "hand buy":
                self.buy_from_elsewhere(asset, data.draw(sizes), price)
            case "rename":
                # a trade that has not learned its asset is known by its symbol alone
                if all(row.asset_id for row in self.rows_of(asset) if row.status == "open"):
                    asset.symbol += "X"
                    self.names[asset.symbol] = asset.id
                    self.strikes("another symbol")

    def is_odd(self, asset: Asset, kind: str) -> bool:
        return self.odd.get(asset.id, ("",))[0] == kind

    def is_now_odd(self, asset: Asset, kind: str, price: Decimal) -> None:
        self.odd[asset.id] = (kind, price)
        self.strikes(kind)

    def bust(self, data: st.DataObject, asset: Asset, kind: str) -> None:
        self.calm(asset)
        side = asset.side if kind == "entry bust" else -asset.side
        orders = [
            order
            for order in self.broker.orders.values()
            if order.asset_id == asset.id
            and order.side == side
            and order.filled
            and order.status in ("filled", "canceled")
            and (order.replaces is None or not self.broker.inherits)
        ]
        if not orders:
            return
        order = self.one_of(data, orders)
        most = int(order.filled)
        shares = data.draw(st.one_of(st.just(most), st.integers(1, most)))
        self.broker.bust(order.id, Decimal(shares))
        self.is_now_odd(asset, kind, order.average_price or ZERO)
        self.strikes(f"{kind}, {'whole' if shares == most else 'part'}")
        # quantities are what is compared: what is traded before it is settled could hide it
        self.look_again()
        if self.withdraw(asset):
            self.look_again()
        self.settle(asset)
        assert asset.symbol not in self.reconcile_now().differences

    def split(self, asset: Asset, ratio: Decimal) -> None:
        """Over night, when nothing else is on its way. Nothing may be made of it until an operator has adjusted the trades."""
        self.calm(asset)
        rows = [row for row in self.rows_of(asset) if row.status == "open"]
        if not rows or any(not row.filled for row in rows):
            return
        self.books.advance(LAG_SEC)
        before = [(row.id, row.shares, row.price, row.exited) for row in rows]
        self.broker.split(asset, ratio)
        self.strikes("split")
        for _ in range(2):
            found = self.reconcile_now()
            assert found.differences.get(asset.symbol) == "quantity"
            self.books.advance(11)
        rows = [row for row in self.rows_of(asset) if row.status == "open"]
        assert [(row.id, row.shares, row.price, row.exited) for row in rows] == before
        for row in rows:
            price = (row.price / ratio).quantize(PLACES).normalize()
            self.books.settle("adjust", trade_id=row.id, shares=row.rest * ratio, entry_price=price)
        self.strikes("settled: adjust")
        assert asset.symbol not in self.reconcile_now().differences
        # what its orders and fills tell is of the shares before the split
        for plan in self.plans.values():
            plan.is_dead = plan.is_dead or plan.asset is asset
        self.odd[asset.id] = ("split", ZERO)

    def buy_from_elsewhere(self, asset: Asset, shares: Decimal, price: Decimal) -> None:
        """A purchase that the executor knows nothing of; an operator adopts it."""
        self.calm(asset)
        order = self.broker.send(asset, asset.side, shares)
        self.broker.fill(order, shares, price)
        self.is_now_odd(asset, "hand buy", price)
        self.books.advance(LAG_SEC)
        assert asset.symbol in self.reconcile_now().differences
        self.adopt(asset, asset.side * shares, price)
        assert asset.symbol not in self.reconcile_now().differences

    def adopt(self, asset: Asset, shares: Decimal, price: Decimal) -> None:
        self.books.settle("adopt", symbol=asset.symbol, shares=shares, entry_price=price)
        self.strikes("settled: adopt")

    def calm(self, asset: Asset) -> None:
        for order in self.broker.working(asset):
            self.broker.cancel(order.id)
        self.look_again()
        if self.withdraw(asset):
            self.look_again()

    # -- time, and reconciliation -----------------------------------------------------------------------------

    @rule(seconds=st.sampled_from((1, 6, 11, 30, LAG_SEC, 600)))
    def time_goes_by(self, seconds: int) -> None:
        self.books.advance(seconds)

    @rule(times=st.integers(1, 3), apart=st.sampled_from((1, 6, 11, 30)))
    def reconcile(self, times: int, apart: int) -> None:
        for _ in range(times):
            self.reconcile_now()
            self.books.advance(apart)

    def reconcile_now(self) -> Found:
        found = self.books.reconcile()
        self.strikes("reconciliation")
        if found.booked:
            self.strikes("reconciliation that booked")
        if found.differences:
            self.strikes("reconciliation that differed")
        for trade_id in found.missed:
            plan = self.plans.get(trade_id)
            assert (plan is not None and plan.order is None) or (
                self.is_odd(self.asset_of(self.books.rows()[trade_id]), "merger")
            ), f"{trade_id} is missed, and the broker's record explains it"
            self.strikes("missed, rightly")
        assert not found.error, found.error
        self.nothing_is_booked_twice()
        return found

    def nothing_is_booked_twice(self) -> None:
        booked: dict[str, Decimal] = {}
        for row in self.books.rows().values():
            for each in row.exits:
                if each.order_id:
                    booked[each.order_id] = booked.get(each.order_id, ZERO) + abs(each.shares)
        filled: dict[str, Decimal] = {}
        for fill in (each.fill for each in self.broker.fills):
            filled[fill.order_id] = filled.get(fill.order_id, ZERO) + abs(fill.shares)
        for order_id, shares in booked.items():
            own = filled.get(order_id, ZERO)
            assert shares <= max(own, self.broker.orders[order_id].filled), f"{order_id} is booked twice"

    # -- the end of the day -----------------------------------------------------------------------------------

    def settle_everything(self) -> None:
        for asset in self.assets:
            for order in self.broker.working(asset):
                self.broker.cancel(order.id)
        self.look_again()
        withdrawn = [self.withdraw(asset) for asset in self.assets]
        if any(withdrawn):
            self.look_again()
        for asset in self.assets:
            self.settle(asset)
        self.books.advance(LAG_SEC)
        found = self.reconcile_now()
        assert not found.differences, f"nothing ends {found.differences}"
        for asset in self.assets:
            rows = self.rows_of(asset)
            held = [row for row in rows if row.status == "open"]
            assert sum((row.rest for row in held), ZERO) == self.broker.position(asset)
            pnl = sum((row.pnl for row in rows), ZERO)
            cost = sum((row.rest * row.price for row in held), ZERO)
            cash = self.broker.cash[asset.id]
            assert abs(pnl - (cash + cost)) < CENT, f"{asset.symbol}: booked {pnl}, earned {cash + cost}"

    def withdraw(self, asset: Asset) -> bool:
        """An operator makes trades void of which no order was ever sent; whether there were any."""
        unsent = [
            row.id
            for row in self.rows_of(asset)
            if row.status == "open" and not row.filled and self.plans[row.id].order is None
        ]
        for trade_id in unsent:
            # the program that reserved it was stopped first: it would still send the order
            self.plans[trade_id].is_dead = True
            self.books.settle("void", trade_id=trade_id)
            self.strikes("settled: void")
        return bool(unsent)

    def look_again(self) -> None:
        """Reconcile until nothing lags, and suspects are decided about."""
        self.books.advance(LAG_SEC)
        for _ in range(3):
            self.reconcile_now()
            self.books.advance(11)

    def settle(self, asset: Asset) -> None:
        """What an operator does about what is left of one asset."""
        rows = [
            row for row in self.rows_of(asset) if row.filled and row.status in ("open", "missed") and row.rest
        ]
        surplus = self.broker.position(asset) - sum((row.rest for row in rows), ZERO)
        if not surplus:
            return
        assert asset.id in self.odd, f"{surplus} of {asset.symbol} are explained by the broker's record"
        parts = [(abs(surplus), self.odd[asset.id][1])]
        if surplus * asset.side < 0:
            parts = [*self.unbooked(asset), *parts]
        for most, price in parts:
            for row in rows:
                if surplus * row.rest < 0 and most:
                    shares = min(abs(surplus), abs(row.rest), most).copy_sign(row.rest)
                    self.books.settle("close", trade_id=row.id, exit_price=price, shares=shares)
                    self.strikes("settled: close")
                    surplus += shares
                    most -= abs(shares)
            shares = min(abs(surplus), most).copy_sign(surplus)
            if shares:
                self.books.advance(LAG_SEC)
                self.reconcile_now()
                self.adopt(asset, shares, price)
                surplus -= shares

    def unbooked(self, asset: Asset) -> list[tuple[Decimal, Decimal]]:
        """Shares and prices of fills that left the asset and are in nobody's books."""
        booked: Counter[str] = Counter()
        for row in self.rows_of(asset):
            for each in row.exits:
                booked[each.order_id or ""] += int(abs(each.shares))
        found = []
        for fill in (each.fill for each in self.broker.fills if each.asset_id == asset.id):
            if fill.shares * asset.side < 0 and self.broker.orders[fill.order_id].filled:
                taken = min(int(abs(fill.shares)), booked[fill.order_id])
                booked[fill.order_id] -= taken
                if left := abs(fill.shares) - taken:
                    found.append((left, fill.price))
        return found

    def rows_of(self, asset: Asset) -> list[Row]:
        return [row for row in self.books.rows().values() if self.names[row.symbol] == asset.id]

    def asset_of(self, row: Row) -> Asset:
        return self.broker.assets[self.names[row.symbol]]
