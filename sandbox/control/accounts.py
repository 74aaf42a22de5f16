"""Accounts: their state, positions, cash and fills, and trades of their owner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response

from sandbox.account import FLAGS, Account
from sandbox.amounts import plain
from sandbox.answers import answer
from sandbox.control.bodies import body_of, fields_of, moment, number, positive, seconds, switch, symbol, uuid
from sandbox.corrections import trade_by_hand
from sandbox.errors import malformed, not_found
from sandbox.market import Market
from sandbox.positions import Position
from sandbox.times import unix


def add_routes(blueprint: Blueprint, market: Market) -> None:
    """Add them."""

    @blueprint.get("/accounts/<key>")
    def get_account(key: str) -> Response:
        with market.lock:
            return answer(_whole(_known(market, key)))

    @blueprint.put("/accounts/<key>")
    def put_account(key: str) -> Response:
        changes = [_change(name, value) for name, value in body_of(dict).items()]
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
        positions = _positions(body_of(list), market)
        with market.lock:
            account = market.account(key)
            account.hold(positions)
            # Written out now, so that the first read of a long list is as quick as the later ones.
            account.positions_list()
            market.changed()
        return answer({"positions": len(positions)})

    @blueprint.delete("/accounts/<key>/positions")
    def delete_positions(key: str) -> Response:
        with market.lock:
            market.account(key).hold([])
            market.changed()
        return answer({"positions": 0})

    @blueprint.post("/accounts/<key>/trades")
    def post_trade(key: str) -> Response:
        body = fields_of("symbol", "side", "qty", "price", "at")
        name, shares = symbol(body.get("symbol")), positive(body.get("qty"), "qty")
        if (side := body.get("side")) not in ("buy", "sell"):
            raise malformed("side must be buy or sell")
        price = None if body.get("price") is None else positive(body["price"], "price")
        at = moment(body, "at")
        with market.lock:
            account, venue = market.account(key), market.venue
            order = trade_by_hand(
                account,
                name,
                side,
                shares,
                price or venue.prices.price(name),
                unix(at) if at else venue.now(),
            )
            market.changed()
            return answer(order.row())

    @blueprint.get("/accounts/<key>/orders")
    def get_orders(key: str) -> Response:
        with market.lock:
            books = _known(market, key).books
            fills: dict[str, list[dict[str, Any]]] = {}
            for fill in books.fills:
                fills.setdefault(fill.order_id, []).append(fill.as_json())
            return answer([{**o.row(), "fills": fills.get(o.id, [])} for o in books.orders.values()])

    @blueprint.get("/accounts/<key>/cash")
    def get_cash(key: str) -> Response:
        with market.lock:
            return answer(_known(market, key).cash.rows())


def _known(market: Market, key: str) -> Account:
    if key not in market.accounts:
        raise not_found(f"no account of the key {key}")
    return market.account(key)


def _change(name: str, value: Any) -> Callable[[Account], None]:
    """What a field of a body asks to change; it is checked before anything is changed."""
    if name in FLAGS:
        flag = switch(value, name)
        return lambda account: account.flags.__setitem__(name, flag)
    found: Any
    match name:
        case "cash":
            cash = number(value, "cash")
            return lambda account: account.cash.become(cash, account.venue.now())
        case "id":
            found = uuid(value)
        case "status":
            if not isinstance(value, str) or not value:
                raise malformed("status must be a text such as ACTIVE")
            found = value
        case "last_equity":
            found = number(value, name)
        case "hold_fills":
            found = None if value is None else switch(value, name)
        case "values_lag":
            found = switch(value, name)
        case "fill_delay_sec":
            found = None if value is None else seconds(value, name)
        case "positions_lag_sec":
            found = seconds(value, name)
        case _:
            raise malformed(f"an account has no {name} that could be {value!r}")
    return lambda account: setattr(account, name, found)


def _positions(rows: list[Any], market: Market) -> list[Position]:
    positions: dict[str, Position] = {}
    for at, row in enumerate(rows):
        name = symbol(row.get("symbol") if isinstance(row, dict) else None, f"the symbol of position {at}")
        if name in positions:
            raise malformed(f"position {at} has the symbol of another: {row!r}")
        qty = number(row.get("qty"), f"the qty of {name}")
        given = row.get("avg_entry_price")
        entry = (
            market.venue.prices.price(name)
            if given is None
            else number(given, f"the avg_entry_price of {name}")
        )
        if not qty or entry < 0:
            raise malformed(f"position {at} must have a qty other than 0 and a price of at least 0: {row!r}")
        positions[name] = Position(name, market.venue.assets.id(name), qty, entry)
    return list(positions.values())


def _whole(account: Account) -> dict[str, Any]:
    return {
        "key": account.key,
        **account.row(),
        "realized_pl": plain(account.realized_pl),
        "hold_fills": account.hold_fills,
        "fill_delay_sec": account.fill_delay_sec,
        "positions_lag_sec": account.positions_lag_sec,
        "values_lag": account.values_lag,
        "positions": [
            {"symbol": p.symbol, "qty": plain(p.qty), "avg_entry_price": plain(p.avg_entry_price)}
            for p in account.positions.values()
        ],
        "orders": [order.row() for order in account.books.orders.values()],
    }
