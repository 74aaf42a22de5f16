"""A day of trading in any order: an executor that can die at any point, people who sell by other programs, a broker that
busts, splits and lags; and reconciliation, which has to keep the books right."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from bot.broker.readings import Order
from tests.bot.reconciliation.book_rows import Conflict
from tests.bot.reconciliation.broker_model import PLACES, ZERO, Asset
from tests.bot.reconciliation.reconciled_day import Plan, listed, prices, shown, sizes
from tests.bot.reconciliation.settled_day import SettledDay


class TradingDay(SettledDay):
    """A market where orders fill as they like, and an executor that trades there."""

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
