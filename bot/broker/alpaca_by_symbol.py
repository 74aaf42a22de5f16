"""What old call sites read of an account: quantities by symbol, and which orders may still fill."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import FailFast, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic needs it before Python 3.12

from bot.broker.alpaca_http import AlpacaHttp, is_no_order
from bot.broker.readings import FINISHED
from bot.errors import BrokerGarbled, BrokerNotFound

#: An order that was replaced more often than this is taken to be working still.
MOST_REPLACEMENTS = 10
#: Up to this many orders are asked for one by one; more are looked up in the list of open orders, since an account
#: has 200 requests a minute.
ORDERS_ONE_BY_ONE = 20
#: The most orders that one page of the list holds.
ORDERS_PAGE = 500


class _Position(TypedDict, total=False):
    """What is read of a position; what it is worth is not kept, of 100,000 it would be 50 MB."""

    symbol: Any
    qty: Any
    side: Any


_POSITIONS: TypeAdapter[list[_Position]] = TypeAdapter(Annotated[list[_Position], FailFast()])
#: What is wrong with a list of positions, by pydantic's name for it.
_GARBLED = {"json_invalid": "is not JSON", "list_type": "is not a list"}


class AlpacaBySymbol(AlpacaHttp):
    """Quantities by symbol, and the orders that work."""

    def shares_by_symbol(self) -> dict[str, Decimal]:
        """Shares held of each symbol; short positions are negative."""
        body = self.read("/v2/positions")
        try:
            rows = _POSITIONS.validate_json(body)
        except ValidationError as error:
            what = _GARBLED.get(error.errors()[0]["type"], "has a malformed row")
            raise BrokerGarbled(f"Alpaca's list of positions {what}.") from None
        held: dict[str, Decimal] = {}
        for row in rows:
            symbol = row.get("symbol")
            if not isinstance(symbol, str) or not symbol:
                raise BrokerGarbled("Alpaca's list of positions has a malformed row.")
            if symbol in held:
                raise BrokerGarbled(f"Alpaca's answer names the position {symbol} twice.")
            try:
                held[symbol] = _shares(row.get("qty"), row.get("side"))
            except _Senseless:
                raise BrokerGarbled(f"Alpaca's row about the position {symbol} makes no sense.") from None
            except (TypeError, InvalidOperation):
                raise BrokerGarbled("Alpaca's list of positions has a malformed row.") from None
        return held

    def working_orders(self, orders: Mapping[str, str]) -> set[str]:
        """Those of *orders* (id to symbol) that may still fill, themselves or by what replaced them. An order that
        Alpaca does not know is not working. More than ORDERS_ONE_BY_ONE are looked up in one list, which is no proof that
        what it leaves out is finished: ask twice. Name the likeliest to work first, an empty list is checked with it.
        """
        if len(orders) <= ORDERS_ONE_BY_ONE:
            return {order_id for order_id in orders if self._is_working(order_id)}
        ids, replaced = self._open_orders()
        working = {
            order_id for order_id, symbol in orders.items() if order_id.lower() in ids or symbol in replaced
        }
        # that all are finished is what a list would say that is empty for no reason
        if not working and self._is_working(next(iter(orders))):
            raise BrokerGarbled("Alpaca's list of orders leaves out an order that works.")
        return working

    def _is_working(self, order_id: str) -> bool:
        for _ in range(MOST_REPLACEMENTS):
            try:
                order = self.get(f"/v2/orders/{quote(order_id, safe='')}", absent=is_no_order)
            except BrokerNotFound:
                return False
            if not isinstance(order, dict) or not isinstance(order.get("status"), str):
                raise BrokerGarbled("Alpaca's answer about an order has no status.")
            successor = order.get("replaced_by")
            if order["status"] != "replaced" or not isinstance(successor, str):
                return order["status"] not in FINISHED
            order_id = successor
        return True

    def _open_orders(self) -> tuple[set[str], set[str]]:
        """Ids of all orders that may still fill, and the symbols of those of them that replaced another order."""
        found: set[str] = set()
        replaced: set[str] = set()
        params = {"status": "open", "limit": str(ORDERS_PAGE), "direction": "desc"}
        while True:
            page = self.get("/v2/orders", params)
            if not isinstance(page, list):
                raise BrokerGarbled("Alpaca's answer about the orders is not a list.")
            try:
                ids = {order["id"].lower() for order in page if order["status"].lower() not in FINISHED}
                replaced |= {order["symbol"] for order in page if order.get("replaces")}
                if len(page) < ORDERS_PAGE:
                    return found | ids, replaced
                oldest = min(datetime.fromisoformat(order["submitted_at"]) for order in page)
            except (TypeError, KeyError, AttributeError, ValueError):
                raise BrokerGarbled("Alpaca's list of orders has a malformed row.") from None
            if ids <= found:
                raise BrokerGarbled("Alpaca's list of orders does not end.")
            found |= ids
            # "until" leaves its own moment out, and orders that were sent together share theirs
            params["until"] = (oldest + timedelta(microseconds=1)).isoformat()


class _Senseless(Exception):
    """A quantity and a side that cannot be."""


@lru_cache(maxsize=10_000)  # many positions are of the same size
def _shares(quantity: str, side: str | None) -> Decimal:
    """Shares, negative for a short position.

    Raises:
        _Senseless: they contradict each other, or are none. TypeError, InvalidOperation: they are no such thing.
    """
    if not isinstance(quantity, str):
        raise TypeError
    shares = Decimal(quantity)
    held = -abs(shares) if side == "short" else shares
    if (
        not held.is_finite()
        or held == 0
        or side not in ("long", "short", None)
        or (side == "long" and held < 0)
    ):
        raise _Senseless
    return held
