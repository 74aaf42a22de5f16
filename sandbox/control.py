"""The control API under /sandbox: the strings that tests and demos pull. No login: keep it on loopback.

GET /healthz
    200 as soon as the sandbox serves.
PUT /sandbox/faults
    The faults in force, as a list; it replaces the one before. GET shows it with counters (``seen``,
    ``struck``), DELETE heals everything. Kinds and fields are those of ``sandbox/faults.py``.
PUT /sandbox/accounts/{key}
    Any of ``id`` (a UUID: play another account), ``cash``, ``status``, ``daytrade_count``,
    ``trading_blocked``, ``account_blocked``, ``transfers_blocked``, ``trade_suspended_by_user``,
    ``pattern_day_trader``, ``shorting_enabled``. It answers the whole state, and so does GET; DELETE throws
    the account away.
PUT /sandbox/accounts/{key}/positions
    All positions at once: ``[{"symbol", "qty", "avg_entry_price"}]``, qty signed, the price optional. Cash
    is not touched. DELETE clears them.
PUT /sandbox/accounts/{key}/orders/{id}
    An order with this id (a UUID): ``symbol``, ``side``, ``qty``, ``status``, and optionally ``limit_price``,
    ``filled_qty``, ``filled_avg_price``, ``client_order_id``. It replaces one of the same id, never fills by
    itself and does not change positions.
PUT /sandbox/prices
    ``{"AAPL": "187.5"}``, in dollars. Limit orders fill when their price is crossed. GET shows what was set.
PUT /sandbox/fills
    ``{"hold": true}``: new orders stay ``new``; ``false`` lets them fill. GET shows it.
PUT /sandbox/clock
    ``{"is_open": true}`` or ``false``; ``null`` follows the hours again.
PUT /sandbox/rate_limit
    ``{"enabled": true}``: 200 calls a minute for each key.
GET /sandbox/requests?key=
    The last 1,000 calls under /v2, oldest first, with the fault that each met. DELETE forgets them.

A key need not have been used before: what is put makes its account. Bad input is a 400 with a sentence in
``message``, an account that is not there a 404.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from flask import Blueprint, Response, request

from sandbox.account import FLAGS, Account
from sandbox.amounts import ZERO, decimal, plain
from sandbox.api import answer
from sandbox.assets import is_symbol
from sandbox.calls import Calls
from sandbox.errors import malformed, not_found
from sandbox.faults import BadFault, Faults, asked_fault
from sandbox.market import Market
from sandbox.orders import CLOSED, OPEN, Order
from sandbox.positions import Position
from sandbox.rate_limit import RateLimit

T = TypeVar("T")


def control_blueprint(market: Market, faults: Faults, calls: Calls, rate_limit: RateLimit) -> Blueprint:
    """The routes under /sandbox."""
    blueprint = Blueprint("control", __name__, url_prefix="/sandbox")

    @blueprint.get("/faults")
    def get_faults() -> Response:
        return answer(faults.rows())

    @blueprint.put("/faults")
    def put_faults() -> Response:
        try:
            faults.replace([asked_fault(row) for row in _body(list)])
        except BadFault as error:
            raise malformed(str(error)) from error
        return answer(faults.rows())

    @blueprint.delete("/faults")
    def delete_faults() -> Response:
        faults.replace([])
        return answer([])

    @blueprint.get("/requests")
    def get_requests() -> Response:
        return answer(calls.rows(request.args.get("key")))

    @blueprint.delete("/requests")
    def delete_requests() -> Response:
        calls.clear()
        return answer([])

    @blueprint.get("/accounts/<key>")
    def get_account(key: str) -> Response:
        with market.lock:
            if key not in market.accounts:
                raise not_found(f"no account of the key {key}")
            return answer(_whole(market.account(key)))

    @blueprint.put("/accounts/<key>")
    def put_account(key: str) -> Response:
        changes = _account_changes(_body(dict))
        with market.lock:
            account = market.account(key)
            for change in changes:
                change(account)
            market.changed()
            return answer(_whole(account))

    @blueprint.delete("/accounts/<key>")
    def delete_account(key: str) -> Response:
        with market.lock:
            market.accounts.pop(key, None)
            market.changed()
        return Response(status=204)

    @blueprint.put("/accounts/<key>/positions")
    def put_positions(key: str) -> Response:
        positions = _positions(_body(list), market)
        with market.lock:
            account = market.account(key)
            account.replace_positions(positions)
            # Written out now, so that the first read of a long list is as quick as the later ones.
            account.positions_list()
            market.changed()
        return answer({"positions": len(positions)})

    @blueprint.delete("/accounts/<key>/positions")
    def delete_positions(key: str) -> Response:
        with market.lock:
            market.account(key).replace_positions([])
            market.changed()
        return answer({"positions": 0})

    @blueprint.put("/accounts/<key>/orders/<order_id>")
    def put_order(key: str, order_id: str) -> Response:
        order = _scripted_order(order_id, _body(dict))
        with market.lock:
            market.account(key).insert(order)
            market.changed()
            return answer(order.row())

    @blueprint.get("/prices")
    def get_prices() -> Response:
        return answer(market.prices.as_json())

    @blueprint.put("/prices")
    def put_prices() -> Response:
        prices = {symbol: _number(price, f"the price of {symbol}") for symbol, price in _body(dict).items()}
        for symbol, price in prices.items():
            if not is_symbol(symbol) or price <= 0:
                raise malformed(f"{symbol!r} cannot have the price {price}")
        with market.lock:
            market.prices.set(prices)
            market.settle()
            market.changed()
            return answer(market.prices.as_json())

    @blueprint.get("/fills")
    def get_fills() -> Response:
        return answer({"hold": market.hold_fills})

    @blueprint.put("/fills")
    def put_fills() -> Response:
        hold = _switch("hold")
        with market.lock:
            market.hold_fills = hold
            market.settle()
            market.changed()
        return answer({"hold": hold})

    @blueprint.put("/clock")
    def put_clock() -> Response:
        body = _body(dict)
        with market.lock:
            market.clock_is_open = None if body.get("is_open", False) is None else _switch("is_open")
            market.changed()
        return answer({"is_open": market.clock_is_open})

    @blueprint.put("/rate_limit")
    def put_rate_limit() -> Response:
        rate_limit.enabled = _switch("enabled")
        return answer({"enabled": rate_limit.enabled})

    return blueprint


def _body(kind: type[T]) -> T:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, kind):
        raise malformed(f"the body must be a JSON {'list' if kind is list else 'object'}")
    return body


def _switch(name: str) -> bool:
    value = _body(dict).get(name)
    if not isinstance(value, bool):
        raise malformed(f"{name} must be true or false")
    return value


def _number(value: Any, name: str) -> Decimal:
    try:
        return decimal(value)
    except ValueError as error:
        raise malformed(f"{name}: {error}") from error


def _uuid(value: Any) -> str:
    try:
        return str(UUID(value))
    except (ValueError, TypeError, AttributeError) as error:
        raise malformed(f"{value!r} is no UUID, and Alpaca's ids are") from error


def _account_changes(body: dict[str, Any]) -> list[Callable[[Account], None]]:
    """What a body asks to change; everything is checked before anything is changed."""

    def assign(name: str, value: Any) -> Callable[[Account], None]:
        if name in FLAGS:
            return lambda account: account.flags.__setitem__(name, value)
        return lambda account: setattr(account, name, value)

    changes = []
    for name, value in body.items():
        if name in FLAGS:
            if not isinstance(value, bool):
                raise malformed(f"{name} must be true or false")
        elif name == "id":
            value = _uuid(value)
        elif name == "cash":
            value = _number(value, "cash")
        elif name == "daytrade_count":
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise malformed("daytrade_count must be a whole number")
        elif name != "status" or not isinstance(value, str):
            raise malformed(f"an account has no {name} that could be {value!r}")
        changes.append(assign(name, value))
    return changes


def _positions(rows: list[Any], market: Market) -> list[Position]:
    positions: dict[str, Position] = {}
    for at, row in enumerate(rows):
        symbol = row.get("symbol") if isinstance(row, dict) else None
        if not is_symbol(symbol) or symbol in positions:
            raise malformed(f"position {at} has no symbol of its own: {row!r}")
        qty = _number(row.get("qty"), f"the qty of {symbol}")
        price = row.get("avg_entry_price")
        entry = (
            market.prices.price(symbol)
            if price is None
            else _number(price, f"the avg_entry_price of {symbol}")
        )
        if not qty or entry < 0:
            raise malformed(f"position {at} must have a qty other than 0 and a price of at least 0: {row!r}")
        positions[symbol] = Position(symbol, qty, entry)
    return list(positions.values())


def _scripted_order(order_id: str, body: dict[str, Any]) -> Order:
    if not is_symbol(body.get("symbol")) or body.get("side") not in ("buy", "sell"):
        raise malformed("an order needs a symbol and a side, buy or sell")
    status = body.get("status", "new")
    if status not in OPEN | CLOSED:
        raise malformed(f"status cannot be {status!r}; Alpaca's are {', '.join(sorted(OPEN | CLOSED))}")
    qty = _number(body.get("qty"), "qty")
    filled = _number(body.get("filled_qty", qty if status == "filled" else ZERO), "filled_qty")
    if not 0 <= filled <= qty or not qty:
        raise malformed("qty must be positive, and filled_qty no more than qty")
    prices = {
        n: None if body.get(n) is None else _number(body[n], n) for n in ("limit_price", "filled_avg_price")
    }
    return Order(
        id=_uuid(order_id),
        client_order_id=str(body.get("client_order_id") or f"scripted-{order_id}"),
        symbol=body["symbol"],
        side=body["side"],
        qty=qty,
        type="market" if prices["limit_price"] is None else "limit",
        limit_price=prices["limit_price"],
        status=status,
        filled_qty=filled,
        filled_avg_price=prices["filled_avg_price"],
        scripted=True,
    )


def _whole(account: Account) -> dict[str, Any]:
    return {
        "key": account.key,
        **account.row(),
        "realized_pl": plain(account.realized_pl),
        "positions": [
            {"symbol": p.symbol, "qty": plain(p.qty), "avg_entry_price": plain(p.avg_entry_price)}
            for p in account.positions.values()
        ],
        "orders": [order.row() for order in account.orders.values()],
    }
