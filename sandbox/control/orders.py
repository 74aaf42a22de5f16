"""Single orders: put there, held back, filled, ended, busted, corrected, replaced in the dashboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response

from sandbox.account import Account
from sandbox.amounts import ZERO
from sandbox.answers import answer
from sandbox.control.bodies import body_of, fields_of, moment, number, positive, switch, symbol, uuid
from sandbox.corrections import bust, correct
from sandbox.errors import malformed, not_found
from sandbox.market import Market
from sandbox.order_form import TIMES_IN_FORCE, asked_changes
from sandbox.orders import CLOSED, OPEN, Order
from sandbox.times import unix

_ENDS = ("canceled", "expired", "rejected", "done_for_day")
_TIMES = ("created_at", "submitted_at", "filled_at")


def add_routes(blueprint: Blueprint, market: Market) -> None:
    """Add them."""

    def act(key: str, order_id: str, action: Callable[[Account, Order], Order]) -> Response:
        with market.lock:
            if key not in market.accounts:
                raise not_found(f"no account of the key {key}")
            account = market.account(key)
            order = action(account, account.books.order(uuid(order_id)))
            account.touched()
            market.changed()
            return answer(order.row())

    @blueprint.put("/accounts/<key>/orders/<order_id>")
    def put_order(key: str, order_id: str) -> Response:
        order = _scripted_order(order_id, body_of(dict))
        with market.lock:
            account = market.account(key)
            _insert(account, order)
            market.changed()
            return answer(order.row())

    @blueprint.post("/accounts/<key>/orders/<order_id>/hold")
    def hold_order(key: str, order_id: str) -> Response:
        return act(key, order_id, lambda _, order: _held(order, held=True))

    @blueprint.post("/accounts/<key>/orders/<order_id>/release")
    def release_order(key: str, order_id: str) -> Response:
        return act(key, order_id, lambda _, order: _held(order, held=False))

    @blueprint.post("/accounts/<key>/orders/<order_id>/fill")
    def fill_order(key: str, order_id: str) -> Response:
        body = fields_of("qty", "price", "at")

        def fill(account: Account, order: Order) -> Order:
            price = (
                account.venue.prices.price(order.symbol)
                if body.get("price") is None
                else positive(body["price"], "price")
            )
            left = order.shares(price)
            shares = left if body.get("qty") is None else positive(body["qty"], "qty")
            if order.status not in OPEN or shares > left:
                raise malformed(f"{shares} shares cannot fill: the order is {order.status}, {left} are left")
            at = moment(body, "at")
            account.books.fill(order, shares, price, unix(at) if at else account.venue.now())
            order.held = True  # the rest waits for its own word
            return order

        return act(key, order_id, fill)

    @blueprint.post("/accounts/<key>/orders/<order_id>/end")
    def end_order(key: str, order_id: str) -> Response:
        status = fields_of("status").get("status")
        if status not in _ENDS:
            raise malformed(f"status must be one of {', '.join(_ENDS)}")

        def end(account: Account, order: Order) -> Order:
            if status == "done_for_day" and order.status in OPEN:
                order.status = status  # it may go on tomorrow
            else:
                account.books.cancel(order, status)
            return order

        return act(key, order_id, end)

    @blueprint.post("/accounts/<key>/orders/<order_id>/bust")
    def bust_order(key: str, order_id: str) -> Response:
        keep = switch(fields_of("keep_activities").get("keep_activities", False), "keep_activities")

        def undo(account: Account, order: Order) -> Order:
            bust(account, order, keep_activities=keep)
            return order

        return act(key, order_id, undo)

    @blueprint.post("/accounts/<key>/orders/<order_id>/correct")
    def correct_order(key: str, order_id: str) -> Response:
        price = positive(fields_of("price").get("price"), "price")

        def change(account: Account, order: Order) -> Order:
            correct(account, order, price)
            return order

        return act(key, order_id, change)

    @blueprint.post("/accounts/<key>/orders/<order_id>/replace")
    def replace_order(key: str, order_id: str) -> Response:
        changes = asked_changes(
            fields_of("qty", "limit_price", "stop_price", "time_in_force", "client_order_id")
        )
        return act(
            key, order_id, lambda account, order: account.books.replace(order, changes, at_broker=True)
        )


def _held(order: Order, *, held: bool) -> Order:
    order.held = held
    return order


def _insert(account: Account, order: Order) -> None:
    """Put a scripted order there. What has filled of it is an activity, too, but moves no cash and no position."""
    books = account.books
    books.fills = [fill for fill in books.fills if fill.order_id != order.id]
    books.insert(order)
    if order.filled_qty:
        if order.status in ("filled", "partially_filled") and order.filled_at is None:
            order.filled_at = order.updated_at
        price = order.filled_avg_price or account.venue.prices.price(order.symbol)
        at = unix(order.filled_at or order.updated_at)
        books.record(order, order.filled_qty, price, at).scripted = True


def _scripted_order(order_id: str, body: dict[str, Any]) -> Order:
    name = symbol(body.get("symbol"))
    if body.get("side") not in ("buy", "sell"):
        raise malformed("an order needs a symbol and a side, buy or sell")
    status = body.get("status", "new")
    if status not in OPEN | CLOSED:
        raise malformed(f"status cannot be {status!r}; Alpaca's are {', '.join(sorted(OPEN | CLOSED))}")
    qty = number(body.get("qty"), "qty")
    filled = number(body.get("filled_qty", qty if status == "filled" else ZERO), "filled_qty")
    if not 0 <= filled <= qty or not qty:
        raise malformed("qty must be positive, and filled_qty no more than qty")
    prices: dict[str, Any] = {
        n: None if body.get(n) is None else number(body[n], n)
        for n in ("limit_price", "stop_price", "filled_avg_price")
    }
    links: dict[str, Any] = {
        n: None if body.get(n) is None else uuid(body[n]) for n in ("replaces", "replaced_by")
    }
    time_in_force = body.get("time_in_force", "day")
    if time_in_force not in TIMES_IN_FORCE:
        raise malformed(f"time_in_force must be one of {', '.join(sorted(TIMES_IN_FORCE))}")
    kinds = {
        (False, False): "market",
        (True, False): "limit",
        (False, True): "stop",
        (True, True): "stop_limit",
    }
    times: dict[str, Any] = {n: moment(body, n) for n in _TIMES if n in body}
    if "created_at" in times:
        times["created_at"] = times["created_at"] or ""
    return Order(
        id=uuid(order_id),
        client_order_id=str(body.get("client_order_id") or f"scripted-{order_id}"),
        symbol=name,
        side=body["side"],
        qty=qty,
        type=kinds[prices["limit_price"] is not None, prices["stop_price"] is not None],
        time_in_force=time_in_force,
        status=status,
        filled_qty=filled,
        scripted=True,
        **prices,
        **links,
        **times,
    )
