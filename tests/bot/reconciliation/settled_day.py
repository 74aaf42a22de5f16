"""What no program of ours does on a day, and an operator who settles everything at its end."""

from __future__ import annotations

import sys
from collections import Counter
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.bot.reconciliation.broker_model import PLACES, ZERO, Asset
from tests.bot.reconciliation.reconciled_day import LAG_SEC, ReconciledDay, prices, sizes

CENT = Decimal("0.01")


class SettledDay(ReconciledDay):
    """Ends each example with everything settled: then Σ P&L is what the broker's cash says."""

    def teardown(self) -> None:
        if sys.exc_info()[0] is None and hasattr(self, "plans"):
            self.settle_everything()
        self.end()

    def end(self) -> None:
        """Release what ``begin`` took."""

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
