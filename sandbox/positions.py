"""One position: signed shares and what they cost on average."""

from __future__ import annotations

from decimal import Decimal

from sandbox.amounts import RATIO, ZERO, plain, rounded


class Position:
    """Shares of one symbol; ``qty`` is negative for a short, ``avg_entry_price`` is in dollars."""

    __slots__ = ("_text", "_text_of", "asset_id", "avg_entry_price", "qty", "symbol")

    def __init__(
        self, symbol: str, asset_id: str, qty: Decimal = ZERO, avg_entry_price: Decimal = ZERO
    ) -> None:
        self.symbol = symbol
        self.asset_id = asset_id
        self.qty = qty
        self.avg_entry_price = avg_entry_price
        self._text = ""
        self._text_of: tuple[Decimal, ...] = ()

    def copy(self) -> Position:
        """The position as it is now, which later fills leave alone."""
        return Position(self.symbol, self.asset_id, self.qty, self.avg_entry_price)

    def fill(self, qty: Decimal, price: Decimal) -> Decimal:
        """Add signed shares at a price, and return the profit that this realised, in dollars.

        Shares on the same side are averaged into the entry price. Shares against the position close it at the
        entry price it had, and what is left over opens the other side.
        """
        if self.qty * qty >= 0:
            total = self.qty + qty
            self.avg_entry_price = (self.qty * self.avg_entry_price + qty * price) / total
            self.qty = total
            return ZERO
        closed = min(abs(qty), abs(self.qty))
        side = 1 if self.qty > 0 else -1
        realised = closed * (price - self.avg_entry_price) * side
        if abs(qty) > abs(self.qty):
            self.avg_entry_price = price
        self.qty += qty
        return realised

    def text(self, price: Decimal, close_before: Decimal, held: Decimal) -> str:
        """The position as a JSON object in Alpaca's form; ``held`` are shares reserved by working orders.

        The text is kept until one of its figures changes: a list of 100,000 positions is then a matter of
        joining. No value needs escaping, since a symbol is checked before it comes here.
        """
        figures = (self.qty, self.avg_entry_price, price, close_before, held)
        if figures != self._text_of:
            self._text = self._write(*figures)
            self._text_of = figures
        return self._text

    def _write(self, qty: Decimal, entry: Decimal, price: Decimal, before: Decimal, held: Decimal) -> str:
        value, cost = qty * price, qty * entry
        profit = value - cost
        profit_text = rounded(profit)
        profit_ratio = rounded(profit / abs(cost), RATIO) if cost else "0"
        price_text = plain(price)
        return (
            f'{{"asset_id":"{self.asset_id}","symbol":"{self.symbol}","exchange":"NASDAQ",'
            f'"asset_class":"us_equity","asset_marginable":true,"qty":"{plain(qty)}",'
            f'"avg_entry_price":"{rounded(entry)}","side":"{"long" if qty > 0 else "short"}",'
            f'"market_value":"{rounded(value)}","cost_basis":"{rounded(cost)}",'
            f'"unrealized_pl":"{profit_text}","unrealized_plpc":"{profit_ratio}",'
            f'"unrealized_intraday_pl":"{profit_text}","unrealized_intraday_plpc":"{profit_ratio}",'
            f'"current_price":"{price_text}","lastday_price":"{plain(before)}",'
            f'"change_today":"{rounded((price - before) / before, RATIO)}",'
            f'"qty_available":"{plain(qty - held if qty > 0 else qty + held)}"}}'
        )
